//! A log made by the definitions of RFC 9162 alone, and a body that certifies its key: for the tests of the witness.

use std::sync::{Arc, OnceLock};

use chukei_crypto::sign::{IdentityKey, SigningKey};
use chukei_crypto::tlog::{
    Checkpoint, EMPTY_ROOT, Hash, LogSigner, Pins, Proof, SignedCheckpoint, TreeHead, leaf_hash, node_hash,
};
use chukei_relay_client::log_key::{LogKey, LogOrigin};
use chukei_relay_client::log_witness::log_head;
use chukei_relay_client::peers::{
    BodyPeer, BrokerPeer, Hex, Identities, PEERS_PURPOSE, PeerList, PeerListFile,
};
use chukei_relay_client::signed::sign;
use chukei_wire::message::log::LogHead;

pub(super) const BODY: &str = "982016";
const OTHER: &str = "982024";
pub(super) const NOW: u64 = 1_795_219_200_000;

/// One log: its leaves and keys.
pub(super) struct Log {
    pub(super) origin: LogOrigin,
    pub(super) leaves: Vec<Hash>,
    signing: Vec<u8>,
    pub(super) identity: Arc<IdentityKey>,
    /// Identity of the other body of the list.
    other: Arc<IdentityKey>,
}

pub(super) fn identity() -> Arc<IdentityKey> {
    Arc::new(IdentityKey::from_pkcs8(&IdentityKey::generate_pkcs8().unwrap()).unwrap())
}

/// Largest power of two below `size`, which is more than 1.
fn split(size: usize) -> usize {
    size.next_power_of_two() / 2
}

/// MTH of RFC 9162, 2.1.1.
fn root(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => EMPTY_ROOT,
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(split(leaves.len()));
            node_hash(&root(left), &root(right))
        }
    }
}

/// SUBPROOF of RFC 9162, 2.1.4.1.
fn subproof(old: usize, leaves: &[Hash], whole: bool) -> Vec<Hash> {
    if old == leaves.len() {
        return if whole { Vec::new() } else { vec![root(leaves)] };
    }
    let middle = split(leaves.len());
    let (left, right) = leaves.split_at(middle);
    let (mut proof, other) = if old <= middle {
        (subproof(old, left, whole), root(right))
    } else {
        (subproof(old - middle, right, false), root(left))
    };
    proof.push(other);
    proof
}

impl Log {
    /// A log of 64 leaves.
    pub(super) fn new() -> Self {
        Self {
            origin: LogOrigin { body: BODY.parse().unwrap(), epoch: 1 },
            leaves: (0..64_u8).map(|leaf| leaf_hash(&[leaf])).collect(),
            signing: SigningKey::generate().unwrap().to_vec(),
            identity: identity(),
            other: identity(),
        }
    }

    /// The same log as it would be with another leaf at `place`.
    pub(super) fn forked(&self, place: usize) -> Self {
        let mut leaves = self.leaves.clone();
        leaves[place] = leaf_hash(b"another");
        Self { leaves, ..self.again() }
    }

    /// Another epoch of it.
    pub(super) fn of_epoch(&self, epoch: u64) -> Self {
        Self { origin: LogOrigin { epoch, ..self.origin }, ..self.again() }
    }

    /// The same leaves under the same key, as the log of the other body of the list.
    pub(super) fn of_another_body(&self) -> Self {
        let origin = LogOrigin { body: OTHER.parse().unwrap(), ..self.origin };
        Self { origin, identity: Arc::clone(&self.other), ..self.again() }
    }

    fn again(&self) -> Self {
        let (leaves, signing) = (self.leaves.clone(), self.signing.clone());
        let (identity, other) = (Arc::clone(&self.identity), Arc::clone(&self.other));
        Self { origin: self.origin, leaves, signing, identity, other }
    }

    pub(super) fn head(&self, size: usize) -> TreeHead {
        TreeHead { size: size as u64, root: root(&self.leaves[..size]) }
    }

    pub(super) fn proof(&self, old: usize, new: usize) -> Proof {
        let hashes = if old == 0 { Vec::new() } else { subproof(old, &self.leaves[..new], true) };
        Proof::new(hashes).unwrap()
    }

    pub(super) fn checkpoint(&self, size: usize) -> SignedCheckpoint {
        self.signed(self.head(size))
    }

    pub(super) fn signed(&self, head: TreeHead) -> SignedCheckpoint {
        let origin = self.origin.to_string();
        let key = SigningKey::from_pkcs8(&self.signing).unwrap();
        let signer = LogSigner::new(&origin, key).unwrap();
        signer.sign(Checkpoint::new(&origin, head, Vec::new()).unwrap()).unwrap()
    }

    pub(super) fn public(&self) -> [u8; 32] {
        SigningKey::from_pkcs8(&self.signing).unwrap().public()
    }

    pub(super) fn pins(&self) -> Pins {
        let key = LogKey { body: self.origin.body, public: self.public(), signature: [0; 64] };
        let verifier = key.verifier(self.origin.epoch).unwrap();
        Pins::new(&self.origin.to_string(), vec![verifier]).unwrap()
    }

    /// Its key, certified by this identity.
    pub(super) fn key(&self, by: &IdentityKey) -> LogKey {
        LogKey::certify(self.origin.body, self.public(), by).unwrap()
    }

    /// The same, and without a proof where the log was set back.
    pub(super) fn grown_or_set_back(&self, old: usize, new: usize) -> LogHead {
        let proof = if old <= new { self.proof(old, new) } else { Proof::default() };
        log_head(&self.key(&self.identity), old as u64, &proof, &self.checkpoint(new))
    }

    /// The key by which `broker-b` cosigns, the same in every list.
    pub(super) fn other_broker() -> Vec<u8> {
        static KEY: OnceLock<Vec<u8>> = OnceLock::new();
        KEY.get_or_init(|| SigningKey::generate().unwrap().to_vec()).clone()
    }

    /// The message that shows the growth from `old` to `new` leaves.
    pub(super) fn grown(&self, old: usize, new: usize) -> LogHead {
        log_head(&self.key(&self.identity), old as u64, &self.proof(old, new), &self.checkpoint(new))
    }

    /// A signed peer list of its body and another one.
    pub(super) fn peers(&self) -> PeerList {
        let body = |code: &str, identity: &IdentityKey| BodyPeer {
            code: code.parse().unwrap(),
            name: "海鳴市".to_owned(),
            identities: Identities::one(identity.public_spki()),
            acquisition_public: Hex(vec![4; 65]),
        };
        let file = PeerListFile {
            version: 1,
            issued_ms: 0,
            not_after_ms: u64::MAX,
            bodies: vec![body(BODY, &self.identity), body(OTHER, &self.other)],
            portals: Vec::new(),
            brokers: vec![BrokerPeer {
                name: "broker-b".to_owned(),
                acquisition_public: Hex(vec![4; 65]),
                permit_public: Hex(vec![6; 32]),
                witness_public: Hex(SigningKey::from_pkcs8(&Self::other_broker()).unwrap().public().to_vec()),
            }],
            registry: Hex(vec![0; 32]),
        };
        let root = SigningKey::from_pkcs8(&SigningKey::generate().unwrap()).unwrap();
        let json = file.to_json().unwrap();
        let signature = data_encoding::HEXLOWER.decode(sign(PEERS_PURPOSE, &json, &root).as_bytes()).unwrap();
        PeerList::verify(&json, &signature, &root.public(), NOW).unwrap()
    }
}
