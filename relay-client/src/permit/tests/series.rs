//! A series of permits and the roots over it: what an honest broker makes is believed, and nothing else.

use std::collections::BTreeSet;

use chukei_crypto::permit::{Epoch, NO_ROOT, sign_root};
use chukei_crypto::sign::SigningKey;
use chukei_wire::limits::ROOT_LEAVES_MAX;
use chukei_wire::message::control::PermitRoot;
use proptest::prelude::*;

use super::*;
use PermitFault::{Contradicted, Forged, Forked, Gap, Malformed, NumberReused};

const RECEIVER: &str = "chukei://node/node-a";

struct Broker {
    key: SigningKey,
    issuer: PermitIssuer,
}

impl Broker {
    fn new() -> Self {
        let key = SigningKey::from_pkcs8(&SigningKey::generate().unwrap()).unwrap();
        Self { key, issuer: PermitIssuer::new(session(1), "broker-a", RECEIVER) }
    }

    fn permit(&self) -> VerifiedPermit {
        let (header, hash) = header();
        let basis =
            PermitBasis { person: Some(PersonCode([3; 17])), previous: None, legal_basis: "basis".into() };
        let permit = self.issuer.issue(hash, basis, NOW).unwrap();
        verify(&session(1), permit, &header, hash, "broker-a", NOW).unwrap()
    }

    fn permits(&self, count: usize) -> Vec<VerifiedPermit> {
        (0..count).map(|_| self.permit()).collect()
    }

    fn root(&self) -> PermitRoot {
        self.issuer.next_root(&self.key).unwrap()
    }

    fn ledger(&self) -> Ledger {
        Ledger::new(self.issuer.epoch().clone())
    }

    /// Signs a root as it stands, whatever it says.
    fn signed(&self, mut root: PermitRoot) -> PermitRoot {
        let epoch = Epoch { id: root.epoch, ..self.issuer.epoch().clone() };
        let hash = epoch.root(&root.previous, root.first, &root.leaves).unwrap_or(NO_ROOT);
        root.signature = sign_root(&self.key, &hash);
        root
    }

    fn cover(&self, ledger: &mut Ledger, root: &PermitRoot) -> Result<(), PermitFault> {
        ledger.cover(root, &self.key.public(), 0).map(|_| ())
    }
}

fn accept(ledger: &mut Ledger, permit: &VerifiedPermit) -> Result<(), NotAccepted> {
    ledger.accept(permit.number(), permit.leaf(), 0)
}

#[test]
fn r22_numbers_run_from_1_and_every_permit_comes_under_one_root() {
    let broker = Broker::new();
    let mut ledger = broker.ledger();
    assert!(broker.issuer.next_root(&broker.key).is_none(), "nothing to prove");
    for (count, last) in [(3, 3), (1, 4), (ROOT_LEAVES_MAX, 4 + ROOT_LEAVES_MAX)] {
        for permit in broker.permits(count) {
            accept(&mut ledger, &permit).unwrap();
        }
        assert_eq!(ledger.uncovered(), count);
        broker.cover(&mut ledger, &broker.root()).unwrap();
        assert_eq!((ledger.uncovered(), ledger.wanted().covered), (0, last as u64));
    }
    assert!(broker.issuer.next_root(&broker.key).is_none());
}

#[test]
fn a_root_may_come_before_its_permits_and_a_permit_may_never_come() {
    let broker = Broker::new();
    let mut ledger = broker.ledger();
    let permits = broker.permits(3);
    broker.cover(&mut ledger, &broker.root()).unwrap();
    assert_eq!(accept(&mut ledger, &permits[2]), Ok(()));
    assert_eq!(accept(&mut ledger, &permits[0]), Ok(()));
    assert_eq!(ledger.uncovered(), 0);
    broker.permit();
    broker.cover(&mut ledger, &broker.root()).unwrap();
}

#[test]
fn r22_a_number_is_used_once_within_an_epoch() {
    let broker = Broker::new();
    let mut ledger = broker.ledger();
    let permits = broker.permits(2);
    accept(&mut ledger, &permits[0]).unwrap();
    let reused = Err(NotAccepted::Fault(NumberReused));
    assert_eq!(accept(&mut ledger, &permits[0]), reused, "before its root");
    assert_eq!(ledger.accept(1, [0; 32], 0), reused, "for another permit");
    assert_eq!(ledger.accept(0, [0; 32], 0), reused, "there is no number 0");
    broker.cover(&mut ledger, &broker.root()).unwrap();
    assert_eq!(accept(&mut ledger, &permits[0]), reused, "behind its root");
    accept(&mut ledger, &permits[1]).unwrap();
    assert_eq!(accept(&mut ledger, &permits[1]), reused, "where the root came first");
}

#[test]
fn r35_a_root_that_contradicts_a_permit_is_a_fault_whichever_came_first() {
    let broker = Broker::new();
    let permits = broker.permits(2);
    let mut root = broker.root();
    root.leaves[32] ^= 1;
    let root = broker.signed(root);
    let mut permit_first = broker.ledger();
    accept(&mut permit_first, &permits[1]).unwrap();
    assert_eq!(broker.cover(&mut permit_first, &root), Err(Contradicted));
    let mut root_first = broker.ledger();
    broker.cover(&mut root_first, &root).unwrap();
    assert_eq!(accept(&mut root_first, &permits[1]), Err(NotAccepted::Fault(Contradicted)));
    assert_eq!(accept(&mut root_first, &permits[0]), Ok(()));
}

#[test]
fn r35_a_gap_a_fork_and_a_foreign_root_are_faults() {
    let broker = Broker::new();
    let mut ledger = broker.ledger();
    broker.permits(2);
    let first = broker.root();
    broker.permits(2);
    let second = broker.root();
    let cover = |ledger: &Ledger, root: PermitRoot| broker.cover(&mut ledger.clone(), &root);
    assert_eq!(cover(&ledger, second.clone()), Err(Gap), "the first is left out");
    broker.cover(&mut ledger, &first).unwrap();
    assert_eq!(cover(&ledger, first.clone()), Err(Forked), "the same again");
    let other = broker.signed(PermitRoot { previous: [1; 32], ..second.clone() });
    assert_eq!(cover(&ledger, other), Err(Forked), "behind another history");
    let again = broker.signed(PermitRoot { first: 2, ..second.clone() });
    assert_eq!(cover(&ledger, again), Err(Forked), "a number told again");
    let ahead = broker.signed(PermitRoot { first: 4, ..second.clone() });
    assert_eq!(cover(&ledger, ahead), Err(Gap));
    assert_eq!(cover(&ledger, PermitRoot { epoch: [9; 16], ..second.clone() }), Err(Malformed));
    let many = PermitRoot { leaves: vec![0; (ROOT_LEAVES_MAX + 1) * 32], ..second.clone() };
    assert_eq!(cover(&ledger, broker.signed(many)), Err(Malformed));
    for leaves in [Vec::new(), vec![0; 31], vec![0; 33]] {
        assert_eq!(cover(&ledger, PermitRoot { leaves, ..second.clone() }), Err(Malformed));
    }
    let stranger = Broker::new();
    assert_eq!(cover(&ledger, stranger.signed(second.clone())), Err(Forged));
    broker.cover(&mut ledger, &second).unwrap();
}

#[test]
fn what_waits_for_a_root_is_bounded_and_so_is_what_never_comes() {
    let mut ledger = Broker::new().ledger();
    for number in 1..=65_536 {
        ledger.accept(number, [1; 32], 0).unwrap();
    }
    assert_eq!(ledger.accept(70_000, [1; 32], 0), Err(NotAccepted::Full));
    assert_eq!(ledger.oldest(), Some(0));

    let broker = Broker::new();
    let mut ledger = broker.ledger();
    let permits = broker.permits(2);
    broker.cover(&mut ledger, &broker.root()).unwrap();
    broker.permit();
    // So much later that a permit of then would be over.
    ledger.cover(&broker.root(), &broker.key.public(), 401).unwrap();
    assert_eq!(accept(&mut ledger, &permits[0]), Err(NotAccepted::Late));
}

#[test]
fn a_broker_whose_roots_nobody_takes_stops_issuing() {
    let broker = Broker::new();
    let (_, hash) = header();
    let basis = || PermitBasis { person: None, previous: None, legal_basis: String::new() };
    let issued = (0..70_000).take_while(|_| broker.issuer.issue(hash, basis(), NOW).is_some()).count();
    assert_eq!(issued, 65_536);
    broker.root();
    assert!(broker.issuer.issue(hash, basis(), NOW).is_some());
    broker.issuer.close();
    assert!(broker.issuer.issue(hash, basis(), NOW).is_none());
}

#[test]
fn roots_are_kept_for_a_receiver_that_comes_back() {
    let broker = Broker::new();
    let mut ledger = broker.ledger();
    let permits = broker.permits(5);
    for _ in 0..2 {
        broker.root();
        broker.permits(2);
    }
    broker.root();
    accept(&mut ledger, &permits[4]).unwrap();
    let past = PastEpochs::default();
    assert!(past.end(ledger).is_none());
    let wanted = past.wanted("broker-a");
    assert_eq!(wanted[0].covered, 0);
    assert!(past.wanted("broker-b").is_empty(), "each broker is asked for its own");
    let brought = broker.issuer.roots_after(wanted[0].covered);
    assert_eq!(brought.iter().map(|root| root.first).collect::<Vec<_>>(), [1, 6, 8]);
    let public = broker.key.public();
    let mut spoilt = brought[0].clone();
    spoilt.leaves[4 * 32] ^= 1;
    assert_eq!(past.cover("broker-a", &broker.signed(spoilt), &public), Err(Contradicted));
    assert!(past.cover("broker-a", &brought[0], &public).unwrap().is_some());
    assert!(past.wanted("broker-a").is_empty(), "nothing is missing any more");
    assert_eq!(past.cover("broker-a", &brought[1], &public), Ok(None));
}

#[test]
fn what_no_broker_brings_is_given_up_once() {
    let past = PastEpochs::default();
    let ledger = |number| {
        let mut ledger = Broker::new().ledger();
        ledger.accept(number, [1; 32], 0).unwrap();
        ledger
    };
    for number in 1..=4 {
        assert!(past.end(ledger(number)).is_none());
    }
    assert_eq!(past.end(ledger(5)).map(|oldest| oldest.uncovered()), Some(1), "epochs are bounded");
    assert_eq!(past.give_up("broker-a").len(), 4);
    assert!(past.give_up_all().is_empty());
}

#[test]
fn evidence_has_one_form() {
    let broker = Broker::new();
    broker.permit();
    for of in [
        EvidenceOf::Root(broker.root()),
        EvidenceOf::Unproven(7),
        EvidenceOf::Stopped(PermitFault::Withheld.as_str().to_owned()),
    ] {
        let evidence = Evidence::new(broker.issuer.epoch(), of);
        let bytes = evidence.to_bytes().unwrap();
        assert_eq!(Evidence::from_bytes(&bytes).as_ref(), Ok(&evidence));
        assert!(Evidence::from_bytes(&bytes[1..]).is_err() && Evidence::from_bytes(&[]).is_err());
    }
}

/// A changed byte needs a new version, and a reader for this one.
#[test]
fn evidence_is_frozen() {
    let epoch = Epoch { broker: "broker-a".into(), receiver: RECEIVER.into(), id: [8; 16] };
    let root =
        PermitRoot { epoch: [8; 16], first: 7, leaves: vec![1; 32], previous: [2; 32], signature: [3; 64] };
    let epoch_field = format!("616550{}", "08".repeat(16));
    let parties = |of: &str| {
        format!(
            "01a461626862726f6b65722d61{epoch_field}616b{of}6172746368756b65693a2f2f6e6f64652f6e6f64652d61"
        )
    };
    let [leaf, previous, signature] = ["01", "02", "03"].map(|byte| byte.repeat(32));
    let told = format!(
        "a164726f6f74a5{epoch_field}616607616c5820{leaf}61705820{previous}61735840{signature}{signature}"
    );
    for (of, frozen) in [
        (EvidenceOf::Unproven(300), "a168756e70726f76656e19012c"),
        (EvidenceOf::Stopped("permit_withheld".into()), "a16773746f707065646f7065726d69745f7769746868656c64"),
        (EvidenceOf::Root(root), &told),
    ] {
        let bytes = Evidence::new(&epoch, of).to_bytes().unwrap();
        assert_eq!(data_encoding::HEXLOWER.encode(&bytes), parties(frozen));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// R22, R35: any changed byte of a root, any left-out or turned-round root, is refused; only the chain as it
    /// was made is believed, however its permits are interleaved with it.
    #[test]
    fn r35_any_altered_root_and_any_other_order_is_refused(
        sizes in prop::collection::vec(1..5_usize, 1..6),
        late in prop::collection::vec(any::<bool>(), 30),
        at: prop::sample::Index,
        bit in 0..8_u8,
        turned: prop::sample::Index,
    ) {
        let broker = Broker::new();
        let mut ledger = broker.ledger();
        let mut behind = Vec::new();
        let roots: Vec<PermitRoot> = sizes.iter().map(|count| {
            behind.push(broker.permits(*count));
            broker.root()
        }).collect();
        let mut numbers = BTreeSet::new();
        for (place, (root, permits)) in roots.iter().zip(&behind).enumerate() {
            let is_late = |permit: &&VerifiedPermit| late[permit.number() as usize];
            for permit in permits.iter().filter(|permit| !is_late(permit)) {
                accept(&mut ledger, permit).unwrap();
            }
            let other = turned.index(roots.len());
            if other != place {
                prop_assert!(broker.cover(&mut ledger.clone(), &roots[other]).is_err());
            }
            let mut fields = [&root.epoch[..], &root.first.to_be_bytes(), &root.leaves, &root.previous,
                &root.signature].concat();
            let byte = at.index(fields.len());
            fields[byte] ^= 1 << bit;
            let (epoch, rest) = fields.split_first_chunk::<16>().unwrap();
            let (first, rest) = rest.split_first_chunk::<8>().unwrap();
            let (leaves, rest) = rest.split_at(root.leaves.len());
            let (previous, signature) = rest.split_first_chunk::<32>().unwrap();
            let altered = PermitRoot {
                epoch: *epoch,
                first: u64::from_be_bytes(*first),
                leaves: leaves.to_vec(),
                previous: *previous,
                signature: signature.try_into().unwrap(),
            };
            prop_assert!(broker.cover(&mut ledger.clone(), &altered).is_err());
            broker.cover(&mut ledger, root).unwrap();
            for permit in permits.iter().filter(is_late) {
                accept(&mut ledger, permit).unwrap();
            }
            numbers.extend(permits.iter().map(VerifiedPermit::number));
            prop_assert_eq!(ledger.uncovered(), 0);
        }
        prop_assert_eq!(numbers.len(), sizes.iter().sum::<usize>());
    }
}
