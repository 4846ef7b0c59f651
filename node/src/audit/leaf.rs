//! The leaf that a record is in its body's Merkle log: two commitments, each behind a salt of its own.
//!
//! What must hold: the same record at the same number is always the same leaf, so that the tree can be made anew from the
//! log alone; a salt is used for one part of one number and nothing else, and goes with the log's key. Deliberately
//! absent: stored salts.

use chukei_crypto::mac::MacKey;
use chukei_crypto::tlog::{Commitment, Hash, Part, Salt, leaf_hash};

const SALT_TAG: &[u8] = b"chukei log leaf salt v1";
/// What stands in the tree for a record that was given up before the tree had it: nobody can open it.
const GIVEN_UP_TAG: &[u8] = b"chukei log leaf given up v1";

/// The commitment to one part of record `number` under the log's key.
pub(super) fn commitment(key: &MacKey, number: u64, part: Part, bytes: &[u8]) -> Commitment {
    Commitment::new(part, &salt(key, number, part), bytes)
}

/// The salt of one part of record `number`.
fn salt(key: &MacKey, number: u64, part: Part) -> Salt {
    Salt::from_bytes(key.tag(&[SALT_TAG, &[part as u8], &number.to_be_bytes()]))
}

/// The hash that stands for record `number` where it was given up unseen.
pub(super) fn given_up(number: u64) -> Hash {
    leaf_hash(&[GIVEN_UP_TAG, &number.to_be_bytes()].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_salt_belongs_to_one_part_of_one_number_under_one_key() {
        let keys = [MacKey::new([1; 32]), MacKey::new([2; 32])];
        let mut seen = std::collections::HashSet::new();
        for key in &keys {
            for number in [1, 2, u64::MAX] {
                for part in [Part::Person, Part::Internal] {
                    assert!(seen.insert(*salt(key, number, part).as_bytes()));
                }
            }
        }
        let of = |key, number| commitment(&keys[key], number, Part::Internal, b"record");
        assert_eq!(of(0, 7), of(0, 7), "made anew, it is the same");
        assert_ne!(of(0, 7), of(0, 8));
        assert_ne!(of(0, 7), of(1, 7));
        assert_ne!(given_up(7), given_up(8));
    }
}
