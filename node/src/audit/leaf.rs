//! The leaf that a record is in its body's Merkle log: two commitments, each behind a salt of its own.
//!
//! What must hold: the same record at the same number is always the same leaf, so that the tree can be made anew from the
//! log alone while the record opens; a salt is used for one part of one number and nothing else. It is made of the key that
//! the record is sealed under and ends with it: what was erased cannot be tried against its leaf, which stays in the tree.
//! Deliberately absent: stored salts.

use chukei_crypto::keyring::Keyring;
use chukei_crypto::mac::MacKey;
use chukei_crypto::seal::{KeyIds, KeySource, SealError};
use chukei_crypto::tlog::{Commitment, Part, Salt};

const SALT_TAG: &[u8] = b"chukei log leaf salt v1";

/// The key of the salts of a record that is sealed under these keys, `number` being that of the day's. A record under a
/// standing key has those of the log's own key.
pub(super) fn salts(keys: &Keyring, ids: KeyIds, number: u32) -> Result<&MacKey, SealError> {
    match ids.day {
        0 => Ok(keys.log_key()),
        day => Ok(keys.day_key_by_id(ids.purpose, day, number)?.salts()?),
    }
}

/// The commitment to one part of record `number` under its salts' key.
pub(super) fn commitment(key: &MacKey, number: u64, part: Part, bytes: &[u8]) -> Commitment {
    Commitment::new(part, &salt(key, number, part), bytes)
}

/// The salt of one part of record `number`.
pub(super) fn salt(key: &MacKey, number: u64, part: Part) -> Salt {
    Salt::from_bytes(key.tag(&[SALT_TAG, &[part as u8], &number.to_be_bytes()]))
}

#[cfg(test)]
mod tests {
    use chukei_crypto::seal::Purpose;

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
    }

    #[test]
    fn r23_salts_go_with_the_key_of_the_day() {
        let mut keys = Keyring::create(b"982016").unwrap();
        keys.ensure_day_key(Purpose::Audit, 20_000).unwrap();
        let number = keys.day_numbers(Purpose::Audit, 20_000)[0];
        let of = |day| KeyIds { purpose: Purpose::Audit, day, person: None };
        let tag = |keys: &Keyring, day| salts(keys, of(day), number).map(|key| key.tag(&[b"salt"]));
        assert_ne!(tag(&keys, 20_000).unwrap(), keys.log_key().tag(&[b"salt"]));
        assert_eq!(tag(&keys, 0).unwrap(), keys.log_key().tag(&[b"salt"]));
        keys.destroy_days_before(20_001);
        assert_eq!(tag(&keys, 20_000), Err(SealError::KeyDestroyed));
    }
}
