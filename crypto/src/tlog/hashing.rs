//! The hashes of a tree (RFC 9162, 2.1.1): leaves and inner nodes begin with different bytes, so that neither can be
//! taken for the other.

use super::Hash;
use crate::hash::sha256_joined;

/// The first byte hashed of a leaf.
const LEAF: &[u8] = &[0];
/// The first byte hashed of an inner node.
const NODE: &[u8] = &[1];

/// The root of a tree without leaves: SHA-256 of nothing.
pub const EMPTY_ROOT: Hash = [
    0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9, 0x24, 0x27,
    0xae, 0x41, 0xe4, 0x64, 0x9b, 0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55,
];

/// The hash of the leaf with this entry.
pub fn leaf_hash(entry: &[u8]) -> Hash {
    sha256_joined(&[LEAF, entry])
}

/// The hash of the node above `left` and `right`.
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    sha256_joined(&[NODE, left, right])
}
