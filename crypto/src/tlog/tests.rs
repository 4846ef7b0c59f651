//! Trees, tiles, notes and receipts: published vectors, the definitions written out, and what must be refused.

mod checkpoints;
mod definitions;
mod frozen;
mod keys;
mod notes;
mod proofs;
mod published;
mod receipts;
mod tile_names;
mod tiles;
mod witnesses;

use super::*;
use crate::sign::SigningKey;

/// The hash that these hexadecimal digits are.
fn hash(hex: &str) -> Hash {
    data_encoding::HEXLOWER.decode(hex.as_bytes()).unwrap().try_into().unwrap()
}

/// The hashes of leaves that differ from each other.
fn leaves(count: u64) -> Vec<Hash> {
    (0..count).map(|number| leaf_hash(&number.to_be_bytes())).collect()
}

fn signing_key(seed: u8) -> SigningKey {
    SigningKey::from_seed(&[seed; 32]).unwrap()
}
