//! Permits between one broker and one receiver (R22): authenticated at once, and in evidence soon after.
//!
//! At once: a MAC under a key exported from the hop's TLS session, so that a permit of another connection does not
//! verify. Soon after: a signed **root** over the leaves of consecutive permits, chained to the root before it, so
//! that neither side can later deny, add or reorder one. The epoch is exported from the same session: no side can
//! choose it, and no two connections share one. Deliberately absent: what a permit says, and when a root is due.

use crate::hash::sha256_parts;
use crate::mac::{BadMac, MacKey};
use crate::sign::{self, BadSignature, SigningKey};

/// What stands for one permit in a root: SHA-256 over its canonical claims.
pub type Leaf = [u8; 32];
/// A root's hash.
pub type RootHash = [u8; 32];

/// What the first root of an epoch is chained to.
pub const NO_ROOT: RootHash = [0; 32];

const TAG_LABEL: &[u8] = b"chukei permit v1";
const LEAF_LABEL: &[u8] = b"chukei permit leaf v1";
const ROOT_LABEL: &[u8] = b"chukei permit root v1";
const SIGNATURE_LABEL: &[u8] = b"chukei permit root signature v1\0";

/// The permit key of one connection, prepared once.
#[derive(Clone, Debug)]
pub struct PermitKey(MacKey);

impl PermitKey {
    /// Takes the exported bytes; the copy passed in is wiped.
    pub fn from_bytes(secret: [u8; 32]) -> Self {
        Self(MacKey::new(secret))
    }

    /// The tag over a permit's canonical claims.
    pub fn tag(&self, claims: &[u8]) -> [u8; 32] {
        self.0.tag(&[TAG_LABEL, claims])
    }

    /// Checks a permit's tag in constant time.
    pub fn verify(&self, claims: &[u8], tag: &[u8]) -> Result<(), BadMac> {
        self.0.verify(&[TAG_LABEL, claims], tag)
    }
}

/// The leaf of a permit with these canonical claims.
pub fn leaf(claims: &[u8]) -> Leaf {
    sha256_parts(&[LEAF_LABEL, claims])
}

/// Between whom an epoch of permits runs, and which one it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Epoch {
    /// The broker's name.
    pub broker: String,
    /// The receiver's identity, as in its certificate.
    pub receiver: String,
    /// Exported from the TLS session of their connection.
    pub id: [u8; 16],
}

impl Epoch {
    /// The root over the permits `first`, `first + 1`, … with these leaves (32 bytes each), behind `previous`.
    ///
    /// The leaves are hashed as one part: they travel with every root anyway, so that a tree would prove nothing
    /// more. `None` where `leaves` is not a whole number of leaves, at least one, or the numbers do not fit.
    pub fn root(&self, previous: &RootHash, first: u64, leaves: &[u8]) -> Option<RootHash> {
        let count = u64::try_from(leaves.len() / size_of::<Leaf>()).ok()?;
        let whole = leaves.len().is_multiple_of(size_of::<Leaf>()) && first > 0;
        let last = first.checked_add(count.checked_sub(1)?).filter(|_| whole)?;
        Some(sha256_parts(&[
            ROOT_LABEL,
            self.broker.as_bytes(),
            self.receiver.as_bytes(),
            &self.id,
            previous,
            &first.to_be_bytes(),
            &last.to_be_bytes(),
            leaves,
        ]))
    }
}

/// The broker's signature over a root: Ed25519.
pub fn sign_root(key: &SigningKey, root: &RootHash) -> [u8; 64] {
    key.sign(&signed(root))
}

/// Checks a root's signature under the broker's public key (32 bytes).
pub fn verify_root(public: &[u8], root: &RootHash, signature: &[u8]) -> Result<(), BadSignature> {
    sign::verify(public, &signed(root), signature)
}

fn signed(root: &RootHash) -> Vec<u8> {
    [SIGNATURE_LABEL, root].concat()
}

#[cfg(test)]
mod tests;
