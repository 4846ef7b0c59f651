//! Sealed values: what opens, what must not, by copy and in place.

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

/// One key for everything, under every id: only the header is left to tell values apart.
struct Same(DayKey, Key32);

impl KeySource for Same {
    fn day_key(&self, _purpose: Purpose, _day: u32) -> Result<(u32, &DayKey), KeyError> {
        Ok((101, &self.0))
    }

    fn day_key_by_id(&self, _purpose: Purpose, _day: u32, _id: u32) -> Result<&DayKey, KeyError> {
        Ok(&self.0)
    }

    fn person_key(&self, _slot: PersonSlot) -> Result<(u32, &Key32), KeyError> {
        Ok((1, &self.1))
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

/// Header, plaintext and tag side by side, as a caller holds them.
fn room(plain: &[u8]) -> Vec<u8> {
    [&[0xee; HEADER], plain, &[0xee; TAG]].concat()
}

#[test]
fn sealing_and_opening_in_place_give_the_same_form_as_by_copy() {
    let keys = Fixed::new();
    for plain in [&b""[..], b"value", &vec![7; VALUE_MAX]] {
        let mut buffer = room(plain);
        Sealer::salted(&keys, IDS, PLACE, [3; 16]).unwrap().seal_within(&mut buffer).unwrap();
        assert_eq!(buffer, seal_salted(&keys, IDS, PLACE, plain, [3; 16]).unwrap());
        let opener = Opener::new(&keys, PLACE, &buffer[..HEADER]).unwrap();
        assert_eq!(opener.open_within(&mut buffer).unwrap().get(), &plain);
    }
}

#[test]
fn buffers_without_room_or_over_the_limit_are_refused() {
    let keys = Fixed::new();
    let sealer = || Sealer::new(&keys, IDS, PLACE).unwrap();
    for length in [0, HEADER - 1, HEADER, OVERHEAD - 1] {
        assert_eq!(sealer().seal_within(&mut vec![0; length]), Err(SealError::WrongRoom));
    }
    assert_eq!(sealer().seal_within(&mut vec![0; OVERHEAD + VALUE_MAX + 1]), Err(SealError::TooLong));
    let sealed = seal(&keys, IDS, PLACE, b"value").unwrap();
    for length in 0..HEADER {
        assert_eq!(Opener::new(&keys, PLACE, &sealed[..length]).unwrap_err(), SealError::IntegrityFailure);
    }
    for length in 0..sealed.len() {
        let opener = Opener::new(&keys, PLACE, &sealed).unwrap();
        let cut = &mut sealed[..length].to_vec();
        assert_eq!(opener.open_within(cut).unwrap_err(), SealError::IntegrityFailure);
    }
}

#[test]
fn a_key_opens_the_value_it_was_made_for_and_no_other() {
    let keys = Fixed::new();
    let (one, mut two) = (seal(&keys, IDS, PLACE, b"one").unwrap(), seal(&keys, IDS, PLACE, b"two").unwrap());
    let opener = Opener::new(&keys, PLACE, &one).unwrap();
    assert_eq!(opener.open_within(&mut two).unwrap_err(), SealError::IntegrityFailure);
    // The body of one value behind the header of another.
    let mut mixed = [&one[..HEADER], &two[HEADER..]].concat();
    let opener = Opener::new(&keys, PLACE, &one).unwrap();
    assert_eq!(opener.open_within(&mut mixed).unwrap_err(), SealError::IntegrityFailure);
    // A header that was changed after the key was made for it.
    let opener = Opener::new(&keys, PLACE, &one).unwrap();
    let mut changed = one.clone();
    changed[HEADER - 1] ^= 1;
    assert_eq!(opener.open_within(&mut changed).unwrap_err(), SealError::IntegrityFailure);
    let printed =
        format!("{:?} {:?}", Sealer::new(&keys, IDS, PLACE).unwrap(), Opener::new(&keys, PLACE, &one));
    assert_eq!(printed, "Sealer(redacted) Ok(Opener(redacted))");
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
        // The same bytes side by side, with the borders elsewhere.
        Place { body: b"982016\x05r", space: b'o', row: b"w key" },
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
        sealed[at] = 3;
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
fn an_opened_value_does_not_print_itself() {
    let sealed = seal(&Fixed::new(), IDS, PLACE, b"canary").unwrap();
    let opened = open(&Fixed::new(), PLACE, &sealed).unwrap();
    assert_eq!(format!("{opened:?}"), "Opened(redacted)");
}

proptest! {
    /// Purpose, day, person, page and slot as the header has them: none can be put in the place of another.
    #[test]
    fn r1_a_value_relabelled_for_other_keys_does_not_open(
        purpose in 0..Purpose::ALL.len(),
        day: u32,
        person in prop::option::of(any::<(u32, u8)>()),
        id: u32,
        generation: u32,
    ) {
        let keys = Fixed::new();
        let sealed = seal(&keys, IDS, PLACE, b"value").unwrap();
        let mut relabelled = sealed.clone();
        relabelled[2] = Purpose::ALL[purpose] as u8;
        relabelled[3..7].copy_from_slice(&day.to_be_bytes());
        relabelled[7..11].copy_from_slice(&id.to_be_bytes());
        let (page, slot) = person.unwrap_or_default();
        relabelled[11] = u8::from(person.is_some());
        relabelled[12..16].copy_from_slice(&page.to_be_bytes());
        relabelled[16] = slot;
        relabelled[17..21].copy_from_slice(&generation.to_be_bytes());
        prop_assume!(relabelled != sealed);
        prop_assert!(open(&keys, PLACE, &relabelled).is_err());
        // Even where every key is the same one.
        prop_assert!(open(&Same(DayKey::from_bytes([1; 32]), Key32::from_bytes([2; 32])), PLACE, &relabelled).is_err());
    }

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
