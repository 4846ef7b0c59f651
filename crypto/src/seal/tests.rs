//! Sealed values: what opens, what must not, and the frozen bytes of version 1.

use proptest::prelude::*;

use super::*;

/// Fixed keys: one day key per purpose and day 0 or 20,000, one person at page 3, slot 7.
struct Fixed {
    day: DayKey,
    person: Key32,
    generation: u32,
}

impl Fixed {
    fn new() -> Self {
        Self { day: DayKey::from_bytes([1; 32]), person: Key32::from_bytes([2; 32]), generation: 1 }
    }
}

impl KeySource for Fixed {
    fn day_key(&self, purpose: Purpose, day: u32) -> Result<(u32, &DayKey), KeyError> {
        match day {
            0 | 20_000 => Ok((100 + purpose as u32, &self.day)),
            _ => Err(KeyError::Missing),
        }
    }

    fn day_key_by_id(&self, purpose: Purpose, day: u32, id: u32) -> Result<&DayKey, KeyError> {
        let (newest, key) = self.day_key(purpose, day)?;
        if id == newest { Ok(key) } else { Err(KeyError::Destroyed) }
    }

    fn person_key(&self, slot: PersonSlot) -> Result<(u32, &Key32), KeyError> {
        if slot == PERSON { Ok((self.generation, &self.person)) } else { Err(KeyError::Missing) }
    }
}

const PERSON: PersonSlot = PersonSlot { page: 3, slot: 7 };
const IDS: KeyIds = KeyIds { purpose: Purpose::Copies, day: 20_000, person: Some(PERSON) };
const PLACE: Place<'_> = Place { body: b"982016", space: 5, row: b"row key" };

fn open_error(keys: &Fixed, place: Place<'_>, sealed: &[u8]) -> SealError {
    open(keys, place, sealed).unwrap_err()
}

#[test]
fn a_value_opens_where_it_was_sealed_by_copy_and_in_place() {
    let keys = Fixed::new();
    for ids in [IDS, KeyIds { person: None, ..IDS }, KeyIds { day: 0, ..IDS }] {
        for value in [&b""[..], b"value", &vec![7; VALUE_MAX]] {
            let sealed = seal(&keys, ids, PLACE, value).unwrap();
            assert_eq!(sealed.len(), value.len() + OVERHEAD);
            assert_eq!(open(&keys, PLACE, &sealed).unwrap().get(), value);
            assert_eq!(open_owned(&keys, PLACE, sealed).unwrap().into_inner(), value);
        }
    }
}

#[test]
fn sealing_allocates_once() {
    let sealed = seal(&Fixed::new(), IDS, PLACE, &[7; 1000]).unwrap();
    assert_eq!(sealed.capacity(), sealed.len());
}

#[test]
fn the_same_value_never_looks_the_same() {
    let keys = Fixed::new();
    let (one, two) = (seal(&keys, IDS, PLACE, b"v").unwrap(), seal(&keys, IDS, PLACE, b"v").unwrap());
    assert_ne!(one[one.len() - 17..], two[two.len() - 17..]);
}

#[test]
fn r1_a_value_moved_to_another_body_space_or_row_fails_integrity() {
    let keys = Fixed::new();
    let sealed = seal(&keys, IDS, PLACE, b"value").unwrap();
    let elsewhere = [
        Place { body: b"982024", ..PLACE },
        Place { space: 6, ..PLACE },
        Place { row: b"row keY", ..PLACE },
        Place { body: b"98201", row: b"6row key", ..PLACE },
        Place { body: b"", row: b"", ..PLACE },
    ];
    for place in elsewhere {
        assert_eq!(open_error(&keys, place, &sealed), SealError::IntegrityFailure);
    }
}

#[test]
fn a_value_needs_its_day_key_and_its_person_key() {
    let sealed = seal(&Fixed::new(), IDS, PLACE, b"value").unwrap();
    let other_day = Fixed { day: DayKey::from_bytes([9; 32]), ..Fixed::new() };
    let other_person = Fixed { person: Key32::from_bytes([9; 32]), ..Fixed::new() };
    let next_person = Fixed { generation: 2, ..Fixed::new() };
    assert_eq!(open_error(&other_day, PLACE, &sealed), SealError::IntegrityFailure);
    assert_eq!(open_error(&other_person, PLACE, &sealed), SealError::IntegrityFailure);
    assert_eq!(open_error(&next_person, PLACE, &sealed), SealError::KeyDestroyed);
}

#[test]
fn a_value_whose_day_key_is_gone_is_key_destroyed_and_sealing_without_one_is_key_missing() {
    let keys = Fixed::new();
    let mut sealed = seal(&keys, IDS, PLACE, b"value").unwrap();
    sealed[6] ^= 1;
    assert_eq!(open_error(&keys, PLACE, &sealed), SealError::KeyDestroyed);
    let missing = KeyIds { day: 20_001, ..IDS };
    assert_eq!(seal(&keys, missing, PLACE, b"value"), Err(SealError::KeyMissing));
    let stranger = KeyIds { person: Some(PersonSlot { page: 3, slot: 8 }), ..IDS };
    assert_eq!(seal(&keys, stranger, PLACE, b"value"), Err(SealError::KeyMissing));
}

#[test]
fn r21_unknown_versions_and_suites_are_refused_by_name() {
    let keys = Fixed::new();
    for at in [0, 1] {
        let mut sealed = seal(&keys, IDS, PLACE, b"value").unwrap();
        sealed[at] = 2;
        assert_eq!(open_error(&keys, PLACE, &sealed), SealError::UnknownSuite);
    }
}

#[test]
fn limits_are_refused_not_cut() {
    let keys = Fixed::new();
    let long = vec![0; VALUE_MAX + 1];
    assert_eq!(seal(&keys, IDS, PLACE, &long), Err(SealError::TooLong));
    assert_eq!(open_error(&keys, PLACE, &vec![1; VALUE_MAX + OVERHEAD + 1]), SealError::TooLong);
    let row = [b'r'; ROW_MAX + 1];
    let body = [b'b'; BODY_MAX + 1];
    let longest = Place { body: &body[1..], space: 1, row: &row[1..] };
    let sealed = seal(&keys, IDS, longest, b"value").unwrap();
    assert_eq!(open(&keys, longest, &sealed).unwrap().get(), b"value");
    assert_eq!(seal(&keys, IDS, Place { row: &row, ..PLACE }, b""), Err(SealError::TooLong));
    assert_eq!(seal(&keys, IDS, Place { body: &body, ..longest }, b""), Err(SealError::TooLong));
}

#[test]
fn frozen_form_of_version_1() {
    let keys = Fixed::new();
    let hex = |ids| {
        let sealed = seal_salted(&keys, ids, PLACE, b"plaintext", [3; 16]).unwrap();
        data_encoding::HEXLOWER.encode(&sealed)
    };
    insta::assert_snapshot!("of_a_person", hex(IDS));
    let standing = KeyIds { purpose: Purpose::Audit, day: 0, person: None };
    insta::assert_snapshot!("of_nobody", hex(standing));
}

#[test]
fn an_opened_value_does_not_print_itself() {
    let sealed = seal(&Fixed::new(), IDS, PLACE, b"canary").unwrap();
    let opened = open(&Fixed::new(), PLACE, &sealed).unwrap();
    assert_eq!(format!("{opened:?}"), "Opened(redacted)");
}

proptest! {
    #[test]
    fn r1_any_changed_byte_of_the_value_makes_it_not_open(value: Vec<u8>, at: prop::sample::Index, change in 1u8..) {
        let keys = Fixed::new();
        let mut sealed = seal(&keys, IDS, PLACE, &value).unwrap();
        let at = at.index(sealed.len());
        sealed[at] ^= change;
        prop_assert!(open(&keys, PLACE, &sealed).is_err());
    }

    #[test]
    fn a_cut_or_prolonged_value_does_not_open(value: Vec<u8>, keep: prop::sample::Index, more: u8) {
        let keys = Fixed::new();
        let mut sealed = seal(&keys, IDS, PLACE, &value).unwrap();
        prop_assert!(open(&keys, PLACE, &sealed[..keep.index(sealed.len())]).is_err());
        sealed.push(more);
        prop_assert!(open(&keys, PLACE, &sealed).is_err());
    }

    #[test]
    fn r1_any_other_place_makes_it_not_open(
        body in prop::collection::vec(any::<u8>(), 0..=BODY_MAX),
        space: u8,
        row in prop::collection::vec(any::<u8>(), 0..=ROW_MAX),
    ) {
        let keys = Fixed::new();
        let sealed = seal(&keys, IDS, PLACE, b"value").unwrap();
        let place = Place { body: &body, space, row: &row };
        prop_assert!(open(&keys, place, &sealed).is_err());
        let there = seal(&keys, IDS, place, b"value").unwrap();
        prop_assert!(open(&keys, place, &there).is_ok());
        prop_assert!(open(&keys, PLACE, &there).is_err());
    }

    #[test]
    fn bytes_from_anywhere_are_refused(bytes: Vec<u8>) {
        prop_assert!(open(&Fixed::new(), PLACE, &bytes).is_err());
    }
}
