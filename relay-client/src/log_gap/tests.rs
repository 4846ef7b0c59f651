//! Which statements count: as the body signed them, for their epoch, by two of its own staff.

use chukei_crypto::sign::SigningKey;
use chukei_crypto::tlog::{Checkpoint, LogSigner, TreeHead};
use serde_bytes::ByteBuf;

use super::*;
use crate::peers::{BodyPeer, Hex, Identities, PEERS_PURPOSE, PeerListFile};
use crate::signed::sign;

const NOW: u64 = 1_795_219_200_000;
const EPOCH: u64 = 1_795_219_100_000;

/// A body with its log's key, and the list that names it.
struct Body {
    identity: IdentityKey,
    log: Vec<u8>,
    peers: PeerList,
}

impl Body {
    fn new() -> Self {
        let identity = IdentityKey::from_pkcs8(&IdentityKey::generate_pkcs8().unwrap()).unwrap();
        let root = SigningKey::from_pkcs8(&SigningKey::generate().unwrap()).unwrap();
        let body = BodyPeer {
            code: code(),
            name: "海鳴市".into(),
            identities: Identities::one(identity.public_spki()),
            acquisition_public: Hex(vec![4; 65]),
        };
        let file = PeerListFile {
            version: 1,
            issued_ms: 0,
            not_after_ms: u64::MAX,
            bodies: vec![body],
            portals: Vec::new(),
            brokers: Vec::new(),
            registry: Hex(vec![0; 32]),
        };
        let json = file.to_json().unwrap();
        let signature = data_encoding::HEXLOWER.decode(sign(PEERS_PURPOSE, &json, &root).as_bytes()).unwrap();
        let peers = PeerList::verify(&json, &signature, &root.public(), NOW).unwrap();
        Self { identity, log: SigningKey::generate().unwrap().to_vec(), peers }
    }

    fn key(&self) -> LogKey {
        let public = SigningKey::from_pkcs8(&self.log).unwrap().public();
        LogKey::certify(code(), public, &self.identity).unwrap()
    }

    fn checkpoint(&self, epoch: u64) -> ByteBuf {
        let origin = LogOrigin { body: code(), epoch }.to_string();
        let signer = LogSigner::new(&origin, SigningKey::from_pkcs8(&self.log).unwrap()).unwrap();
        let head = TreeHead { size: 7, root: [3; 32] };
        let signed = signer.sign(Checkpoint::new(&origin, head, Vec::new()).unwrap()).unwrap();
        ByteBuf::from(signed.to_string().into_bytes())
    }

    fn claims(&self) -> LogGapClaims {
        LogGapClaims {
            body: code(),
            epoch: EPOCH,
            last: Some(self.checkpoint(1)),
            backup: [8; 32],
            first: 42,
            persons: ["u-tax-07", "u-appr-01"].map(|name| format!("chukei://body/982016/staff/{name}")),
            at_ms: NOW,
        }
    }

    fn judged(&self, gap: &LogGap) -> Result<Option<(LogOrigin, SignedCheckpoint)>, LogGapError> {
        verify_gap(gap, &LogOrigin { body: code(), epoch: EPOCH }, &self.key(), &self.peers)
    }

    fn of(&self, claims: LogGapClaims) -> Result<Option<(LogOrigin, SignedCheckpoint)>, LogGapError> {
        self.judged(&sign_gap(claims, &self.identity).unwrap())
    }
}

fn code() -> BodyCode {
    "982016".parse().unwrap()
}

#[test]
fn r43_a_statement_counts_as_the_body_signed_it_and_names_what_was_cosigned_before() {
    let body = Body::new();
    let (of, last) = body.of(body.claims()).unwrap().unwrap();
    assert_eq!((of.epoch, last.unverified().head().size), (1, 7));
    assert_eq!(body.of(LogGapClaims { last: None, ..body.claims() }), Ok(None));
    let mut altered = sign_gap(body.claims(), &body.identity).unwrap();
    altered.claims.first += 1;
    assert_eq!(body.judged(&altered), Err(LogGapError::NotSigned));
    let stranger = Body::new();
    let by_another = sign_gap(body.claims(), &stranger.identity).unwrap();
    assert_eq!(body.judged(&by_another), Err(LogGapError::NotSigned));
}

#[test]
fn r43_one_person_or_somebody_elses_staff_decide_no_epoch() {
    let body = Body::new();
    let of =
        |persons: [&str; 2]| body.of(LogGapClaims { persons: persons.map(str::to_owned), ..body.claims() });
    let own = "chukei://body/982016/staff/u-tax-07";
    for other in [
        own,
        "chukei://body/982024/staff/u-appr-01",
        "chukei://body/982016/system/zeimu",
        "chukei://operator/o-ops-01",
        "",
    ] {
        assert_eq!(of([own, other]), Err(LogGapError::NotTwo), "{other}");
        assert_eq!(of([other, own]), Err(LogGapError::NotTwo), "{other}");
    }
}

#[test]
fn r43_a_statement_is_of_one_epoch_and_looks_back() {
    let body = Body::new();
    let other_epoch = LogGapClaims { epoch: EPOCH + 1, ..body.claims() };
    let other_body = LogGapClaims { body: "982024".parse().unwrap(), ..body.claims() };
    let no_record = LogGapClaims { first: 0, ..body.claims() };
    let not_before = LogGapClaims { last: Some(body.checkpoint(EPOCH)), ..body.claims() };
    let no_note = LogGapClaims { last: Some(ByteBuf::from(b"no note".to_vec())), ..body.claims() };
    for claims in [other_epoch, other_body, no_record, not_before, no_note] {
        assert_eq!(body.of(claims), Err(LogGapError::Malformed));
    }
    let foreign = LogGapClaims { last: Some(Body::new().checkpoint(1)), ..body.claims() };
    assert_eq!(body.of(foreign), Err(LogGapError::NotSigned), "another log's checkpoint");
}
