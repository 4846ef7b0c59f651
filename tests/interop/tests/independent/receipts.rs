//! Cases of receipts: parts of leaves with their proofs and cosigned checkpoints, in logs of several sizes.

use chukei_crypto::sign::SigningKey;
use chukei_crypto::tlog::{
    Checkpoint, Commitment, Hash, HashSource, LogSigner, Opening, Part, Pins, Proof, Receipt, Salt, Subtree,
    TreeHead, VerifierKey, WitnessSigner, admit, node_hash, prove_inclusion,
};
use serde_json::{Value, json};

use crate::script::hex;

const ORIGIN: &str = "chukei.invalid/log/982016/1";
const NOW: u64 = 1_795_219_200;

/// Leaves of a log, and the hash over any of its subtrees by the definition.
struct Log(Vec<Hash>);

impl HashSource for Log {
    type Error = std::convert::Infallible;

    fn hash(&mut self, at: Subtree) -> Result<Hash, Self::Error> {
        let width = 1 << at.level();
        Ok(over(&self.0[at.index() as usize * width..][..width]))
    }
}

/// RFC 9162, 2.1.1.
fn over(leaves: &[Hash]) -> Hash {
    let [leaf] = leaves else {
        let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
        return node_hash(&over(left), &over(right));
    };
    *leaf
}

pub(crate) fn cases() -> Vec<Value> {
    [(1, 0), (2, 1), (7, 6), (300, 255)].into_iter().flat_map(|(size, index)| of(size, index)).collect()
}

/// Receipts of both parts of one leaf.
fn of(size: usize, index: usize) -> [Value; 2] {
    [Part::Person, Part::Internal].map(|part| {
        let other = Commitment::from_bytes([8; 32]);
        let opening =
            Opening::new(part, Salt::generate().unwrap(), b"what was given".to_vec(), other).unwrap();
        let mut leaves: Vec<Hash> = (0..size).map(|at| [at as u8; 32]).collect();
        leaves[index] = opening.leaf().hash();
        let head = TreeHead { size: size as u64, root: over(&leaves) };
        let proof = prove_inclusion(&mut Log(leaves), index as u64, size as u64).unwrap();
        let (checkpoint, keys) = cosigned(head);
        let receipt = Receipt { opening, index: index as u64, proof, checkpoint };
        json!({
            "format": "receipt",
            "receipt": hex(receipt.to_text().as_bytes()),
            "origin": ORIGIN,
            "pinned": keys.iter().map(pinned).collect::<Vec<_>>(),
            "expect": hex(b"what was given"),
            "altered": ["receipt"],
        })
    })
}

/// A checkpoint of this tree, and everybody's keys.
fn cosigned(head: TreeHead) -> (chukei_crypto::tlog::SignedCheckpoint, Vec<VerifierKey>) {
    let key = || SigningKey::from_pkcs8(&SigningKey::generate().unwrap()).unwrap();
    let log = LogSigner::new(ORIGIN, key()).unwrap();
    let witnesses =
        ["a", "b"].map(|name| WitnessSigner::new(&format!("chukei.invalid/witness/{name}"), key()).unwrap());
    let keys: Vec<_> = std::iter::once(log.verifier().clone())
        .chain(witnesses.iter().map(|witness| witness.verifier().clone()))
        .collect();
    let pins = Pins::new(ORIGIN, keys.clone()).unwrap();
    let mut signed = log.sign(Checkpoint::new(ORIGIN, head, Vec::new()).unwrap()).unwrap();
    for witness in &witnesses {
        let line = witness.cosign(admit(&pins, &TreeHead::EMPTY, &signed, &Proof::default()).unwrap(), NOW);
        signed.add(line, &pins).unwrap();
    }
    (signed, keys)
}

fn pinned(key: &VerifierKey) -> Value {
    json!({ "name": key.name(), "kind": key.kind() as u8, "public": hex(key.public()) })
}
