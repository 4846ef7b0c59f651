//! Whose word a copy takes for a checkpoint.

use chukei_crypto::sign::{IdentityKey, SigningKey};
use chukei_crypto::tlog::{
    Checkpoint, KeyKind, LogSigner, Signature, SignedCheckpoint, VerifierKey, cosigned_message,
};
use chukei_relay_client::log_key::witness_name;
use chukei_relay_client::peers::{BodyPeer, BrokerPeer, Hex, PEERS_PURPOSE, PeerListFile};
use chukei_relay_client::signed::sign;
use chukei_wire::message::audit::FollowedEntry;
use serde_bytes::ByteBuf;

use super::*;

const BODY: &str = "982016";
const NOW: u64 = 1_795_219_200_000;

/// A body's log and its two witnesses.
struct Parties {
    log: LogSigner,
    key: LogKey,
    brokers: [SigningKey; 2],
    peers: PeerList,
}

fn signing_key() -> SigningKey {
    SigningKey::from_pkcs8(&SigningKey::generate().unwrap()).unwrap()
}

impl Parties {
    fn new() -> Self {
        let identity = IdentityKey::from_pkcs8(&IdentityKey::generate_pkcs8().unwrap()).unwrap();
        let (own, root, brokers) = (signing_key(), signing_key(), [signing_key(), signing_key()]);
        let body: BodyCode = BODY.parse().unwrap();
        let key = LogKey::certify(body, own.public(), &identity).unwrap();
        let origin = LogOrigin { body, epoch: 1 }.to_string();
        let broker = |(number, key): (u8, &SigningKey)| BrokerPeer {
            name: format!("broker-{number}"),
            acquisition_public: Hex(vec![4; 65]),
            permit_public: Hex(vec![number; 32]),
            witness_public: Hex(key.public().to_vec()),
        };
        let list = PeerListFile {
            version: 1,
            issued_ms: 0,
            not_after_ms: u64::MAX,
            bodies: vec![BodyPeer {
                code: body,
                name: "海鳴市".into(),
                identities: vec![Hex(identity.public_spki())].try_into().unwrap(),
                acquisition_public: Hex(vec![4; 65]),
            }],
            portals: Vec::new(),
            brokers: (1..).zip(&brokers).map(broker).collect(),
            registry: Hex(vec![5; 32]),
        };
        let list = list.to_json().unwrap();
        let signature = data_encoding::HEXLOWER.decode(sign(PEERS_PURPOSE, &list, &root).as_bytes()).unwrap();
        let peers = PeerList::verify(&list, &signature, &root.public(), NOW).unwrap();
        Self { log: LogSigner::new(&origin, own).unwrap(), key, brokers, peers }
    }

    /// Everything of a log of one record, whose checkpoint these have cosigned.
    fn page(&self, cosigned_by: &[(&str, &SigningKey)]) -> AuditFollowPage {
        let (leaf, mut frontier) = ([7; 32], Frontier::new());
        frontier.append(leaf).unwrap();
        let origin = LogOrigin { body: self.key.body, epoch: 1 }.to_string();
        let checkpoint = Checkpoint::new(&origin, frontier.head(), Vec::new()).unwrap();
        let (mut note, time) = (self.log.sign(checkpoint).unwrap().to_string(), NOW / 1_000);
        let text = SignedCheckpoint::parse(note.as_bytes()).unwrap().unverified().to_string();
        for &(name, key) in cosigned_by {
            let named = VerifierKey::new(&witness_name(name), KeyKind::Witness, key.public()).unwrap();
            let signed = key.sign(cosigned_message(&text, time).as_bytes());
            note += &Signature::new(&named, [&time.to_be_bytes()[..], &signed].concat()).to_string();
        }
        let sealed = ByteBuf::from(vec![1; 8]);
        AuditFollowPage {
            first: 1,
            last: 1,
            entries: vec![FollowedEntry { number: 1, at_ms: NOW, kind: 1, request: None, sealed }],
            leaves: ByteBuf::from(leaf.to_vec()),
            checkpoint: Some(FollowedHead {
                checkpoint: ByteBuf::from(note.into_bytes()),
                key: self.key.public,
                certificate: self.key.signature,
            }),
        }
    }
}

#[test]
fn r43_a_checkpoint_counts_with_the_word_of_a_listed_broker_and_not_by_the_logs_own() {
    let (dir, parties) = (tempfile::tempdir().unwrap(), Parties::new());
    let [first, second] = &parties.brokers;
    let mut copy = Copy::open(dir.path(), parties.key.body).unwrap();
    let stranger = signing_key();
    for bad in [&[][..], &[("broker-1", &stranger)], &[("broker-9", first)]] {
        let refused = copy.take(&parties.page(bad), &parties.peers);
        assert!(matches!(refused, Err(Refused::Another("not_witnessed"))), "{}", bad.len());
        assert_eq!((copy.next(), copy.size(), copy.witnessed()), (1, 0, 0), "nothing of it is taken");
    }
    // One of the two is away.
    assert!(copy.take(&parties.page(&[("broker-2", second)]), &parties.peers).is_ok());
    assert_eq!((copy.next(), copy.size(), copy.witnessed()), (2, 1, 1));
    let both = AuditFollowPage {
        entries: Vec::new(),
        leaves: ByteBuf::new(),
        ..parties.page(&[("broker-1", first), ("broker-2", second)])
    };
    assert!(copy.take(&both, &parties.peers).ok().unwrap());
}
