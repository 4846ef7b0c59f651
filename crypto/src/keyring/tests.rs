//! Keyrings and pages: what is made, what is destroyed, what their sealed forms refuse.

use super::wrap::wrap_salted;
use super::*;
use crate::hash::sha256;
use crate::seal::{KeyIds, Place, SealError, open, seal};

pub(super) const PLACE: Place<'_> = Place { body: b"982016", space: 5, row: b"row" };

const WRAPPED: Wrapped<'_> = Wrapped { root: 2, epoch: 20_000, key: b"wrapped" };
pub(super) const WRAP_PLACE: WrapPlace<'_> = WrapPlace { owner: b"982016", root: 2, epoch: 20_000 };

pub(super) fn key() -> KeyringKey {
    KeyringKey::from_bytes([7; 32])
}

pub(super) fn root() -> RootKey {
    RootKey::from_bytes([8; 32])
}

pub(super) fn epoch() -> EpochKey {
    EpochKey::from_bytes([9; 32])
}

pub(super) fn sealed(keyring: &mut Keyring) -> Vec<u8> {
    keyring.seal(0, &key(), WRAPPED).unwrap()
}

pub(super) fn reopened(bytes: &[u8]) -> Result<Keyring, KeyringError> {
    Keyring::from_sealed(bytes, &key(), b"982016")
}

pub(super) fn keyring() -> Keyring {
    Keyring::create(b"982016").unwrap()
}

pub(super) fn fixed() -> Keyring {
    let mut keyring = Keyring::assemble(b"982016".to_vec(), 4, 4, 19_000, [1; 32].into(), [2; 32].into());
    keyring.days.insert((Purpose::Copies, 0, 1), DayKey::from_bytes([3; 32]));
    keyring.days.insert((Purpose::Copies, 0, 3), DayKey::from_bytes([10; 32]));
    keyring.days.insert((Purpose::Notices, 20_000, 2), DayKey::from_bytes([4; 32]));
    keyring.pages.insert((9, 1), Key32::from_bytes([5; 32]));
    keyring
}

#[test]
fn every_purpose_has_a_standing_key_from_the_start_and_no_two_share_one() {
    let keyring = keyring();
    let keys: Vec<_> = Purpose::ALL.iter().map(|purpose| keyring.day_key(*purpose, 0).unwrap()).collect();
    for (i, (number, key)) in keys.iter().enumerate() {
        assert!(keys.iter().skip(i + 1).all(|(other, held)| other != number && held != key));
    }
}

#[test]
fn keys_are_made_once() {
    let mut keyring = keyring();
    assert_eq!(keyring.ensure_day_key(Purpose::Notices, 20_000), Ok(true));
    let key = keyring.day_key(Purpose::Notices, 20_000).unwrap().1.clone();
    assert_eq!(keyring.ensure_day_key(Purpose::Notices, 20_000), Ok(false));
    assert_eq!(*keyring.day_key(Purpose::Notices, 20_000).unwrap().1, key);
    assert_eq!((keyring.ensure_page(3), keyring.ensure_page(3)), (Ok(true), Ok(false)));
}

#[test]
fn r23_a_destroyed_day_is_gone_its_values_are_key_destroyed_and_it_is_never_made_again() {
    let mut keyring = keyring();
    for day in [20_000, 20_001] {
        keyring.ensure_day_key(Purpose::Notices, day).unwrap();
    }
    keyring.ensure_day_key(Purpose::Answers, 20_000).unwrap();
    let ids = KeyIds { purpose: Purpose::Notices, day: 20_000, person: None };
    let sealed = seal(&keyring, ids, PLACE, b"notice").unwrap();
    let kept = seal(&keyring, KeyIds { day: 20_001, ..ids }, PLACE, b"notice").unwrap();

    let gone = keyring.destroy_days_before(20_001);
    assert_eq!(gone, [(Purpose::Notices, 20_000), (Purpose::Answers, 20_000)]);
    assert_eq!(open(&keyring, PLACE, &sealed), Err(SealError::KeyDestroyed));
    assert_eq!(seal(&keyring, ids, PLACE, b"late"), Err(SealError::KeyDestroyed));
    assert_eq!(keyring.ensure_day_key(Purpose::Notices, 20_000), Err(KeyringError::DayDestroyed));
    assert_eq!(open(&keyring, PLACE, &kept).unwrap().get(), b"notice");
    assert!(keyring.day_key(Purpose::Notices, 0).is_ok());

    let mut again = reopened(&super::tests::sealed(&mut keyring)).unwrap();
    assert_eq!(open(&again, PLACE, &sealed), Err(SealError::KeyDestroyed));
    assert_eq!(again.ensure_day_key(Purpose::Notices, 20_000), Err(KeyringError::DayDestroyed));
    assert_eq!(again.destroy_days_before(10_000), []);
    assert_eq!(again.ensure_day_key(Purpose::Notices, 20_000), Err(KeyringError::DayDestroyed));
}

#[test]
fn a_sealed_keyring_gives_back_every_key_and_counts_its_sealings() {
    let mut keyring = fixed();
    let bytes = sealed(&mut keyring);
    let again = reopened(&bytes).unwrap();
    assert_eq!((keyring.generation(), again.generation()), (5, 5));
    assert_eq!(again.to_plain().unwrap(), keyring.to_plain().unwrap());
    assert_eq!(again.naming().name(1, &[b"x"]), keyring.naming().name(1, &[b"x"]));
    assert_eq!(again.log_key().tag(&[b"x"]), keyring.log_key().tag(&[b"x"]));
    let head = Head::parse(&bytes).unwrap();
    assert_eq!((head.generation, head.wrapped, head.owner), (5, WRAPPED, &b"982016"[..]));
}

#[test]
fn a_generation_is_after_its_own_and_after_the_one_it_is_told() {
    let mut keyring = fixed();
    keyring.seal(9, &key(), WRAPPED).unwrap();
    assert_eq!(keyring.generation(), 10);
    keyring.seal(3, &key(), WRAPPED).unwrap();
    assert_eq!(keyring.generation(), 11);
    assert_eq!(keyring.seal(u64::MAX, &key(), WRAPPED), Err(KeyringError::TooLong));
}

#[test]
fn r1_a_keyring_opens_for_its_owner_and_key_alone() {
    let bytes = sealed(&mut keyring());
    let open = |key: &KeyringKey, owner: &[u8]| Keyring::from_sealed(&bytes, key, owner).unwrap_err();
    assert_eq!(open(&key(), b"982024"), KeyringError::WrongOwner);
    assert_eq!(open(&KeyringKey::from_bytes([8; 32]), b"982016"), KeyringError::IntegrityFailure);

    let mut renamed = bytes.clone();
    let at = renamed.windows(6).position(|window| window == b"982016").unwrap();
    renamed[at..at + 6].copy_from_slice(b"982024");
    let error = Keyring::from_sealed(&renamed, &key(), b"982024").unwrap_err();
    assert_eq!(error, KeyringError::IntegrityFailure);
}

#[test]
fn newer_forms_are_refused_by_name() {
    let mut keyring = fixed();
    let page = Page::create(9).unwrap().to_sealed(&keyring).unwrap();
    let bytes = sealed(&mut keyring);
    let wrapped = wrap(&root(), &epoch(), WRAP_PLACE, &key()).unwrap();
    for (keyring_at, other_at) in [(4, 0), (5, 1)] {
        let foreign = |bytes: &[u8], at: usize| {
            let mut bytes = bytes.to_vec();
            bytes[at] = 2;
            bytes
        };
        assert_eq!(reopened(&foreign(&bytes, keyring_at)).unwrap_err(), KeyringError::NewerFormat);
        let page = Page::from_sealed(&foreign(&page, other_at), 9, &keyring);
        assert_eq!(page.unwrap_err(), KeyringError::NewerFormat);
        let wrapped = unwrap(&root(), &epoch(), WRAP_PLACE, &foreign(&wrapped, other_at));
        assert_eq!(wrapped.unwrap_err(), KeyringError::NewerFormat);
    }
}

#[test]
fn a_wrapped_key_needs_root_epoch_owner_and_both_numbers() {
    let wrapped = wrap(&root(), &epoch(), WRAP_PLACE, &key()).unwrap();
    assert_eq!(unwrap(&root(), &epoch(), WRAP_PLACE, &wrapped).unwrap(), key());
    assert_ne!(wrap(&root(), &epoch(), WRAP_PLACE, &key()).unwrap(), wrapped, "salts are fresh");
    let (other_root, other_epoch) = (RootKey::from_bytes([1; 32]), EpochKey::from_bytes([1; 32]));
    let failed = Err(KeyringError::IntegrityFailure);
    assert_eq!(unwrap(&other_root, &epoch(), WRAP_PLACE, &wrapped), failed);
    assert_eq!(unwrap(&root(), &other_epoch, WRAP_PLACE, &wrapped), failed);
    for place in [
        WrapPlace { owner: b"982024", ..WRAP_PLACE },
        WrapPlace { root: 3, ..WRAP_PLACE },
        WrapPlace { epoch: 20_001, ..WRAP_PLACE },
    ] {
        assert_eq!(unwrap(&root(), &epoch(), place, &wrapped), failed);
    }
}

/// The inside of a keyring is authentic; an inside that no release writes is refused all the same.
#[test]
fn an_inside_out_of_order_or_out_of_bounds_is_refused() {
    let refused = |spoil: fn(&mut Keyring)| {
        let mut keyring = fixed();
        spoil(&mut keyring);
        reopened(&sealed(&mut keyring)).unwrap_err()
    };
    let failed = KeyringError::IntegrityFailure;
    assert_eq!(refused(|keyring| keyring.next_number = 3), failed, "a number that is not given yet");
    assert_eq!(refused(|keyring| keyring.first_day = 20_001), failed, "a day that was destroyed");

    let inside = fixed().to_plain().unwrap().to_vec();
    let pages = inside.len() - 4 - 40;
    let twice = [&inside[..pages], &2u32.to_be_bytes(), &inside[pages + 4..], &inside[pages + 4..]].concat();
    assert_eq!(
        Keyring::from_plain(&twice, b"982016", 1).unwrap_err(),
        failed,
        "a page key that stands twice"
    );
}

#[test]
fn a_page_serves_its_own_persons_and_survives_sealing() {
    let mut keyring = keyring();
    keyring.ensure_page(3).unwrap();
    let page = Page::create(3).unwrap();
    let ids =
        |page, slot| KeyIds { purpose: Purpose::Copies, day: 0, person: Some(PersonSlot { page, slot }) };
    let sealed = seal(&page.keys(&keyring), ids(3, 255), PLACE, b"copy").unwrap();

    let row = page.to_sealed(&keyring).unwrap();
    let again = Page::from_sealed(&row, 3, &keyring).unwrap();
    assert_eq!(open(&again.keys(&keyring), PLACE, &sealed).unwrap().get(), b"copy");
    assert_eq!(seal(&page.keys(&keyring), ids(4, 0), PLACE, b"copy"), Err(SealError::KeyMissing));
    assert_eq!(open(&keyring, PLACE, &sealed), Err(SealError::KeyMissing));
    let other = Page::create(3).unwrap();
    assert_eq!(open(&other.keys(&keyring), PLACE, &sealed), Err(SealError::IntegrityFailure));
}

#[test]
fn persons_of_a_page_share_no_key() {
    let page = Page::create(3).unwrap();
    let keys: std::collections::BTreeSet<_> =
        (0..=255).map(|slot| *page.person_key(slot).unwrap().1.as_bytes()).collect();
    assert_eq!(keys.len(), 256);
}

#[test]
fn r1_a_page_of_another_number_body_or_keyring_does_not_open() {
    let mut ours = keyring();
    let mut theirs = Keyring::create(b"982024").unwrap();
    for page in [3, 4] {
        ours.ensure_page(page).unwrap();
        theirs.ensure_page(page).unwrap();
    }
    let row = Page::create(3).unwrap().to_sealed(&ours).unwrap();
    assert!(Page::from_sealed(&row, 3, &ours).is_ok());
    assert_eq!(Page::from_sealed(&row, 4, &ours).unwrap_err(), KeyringError::IntegrityFailure);
    assert_eq!(Page::from_sealed(&row, 5, &ours).unwrap_err(), KeyringError::Key(KeyError::Missing));
    assert_eq!(Page::from_sealed(&row, 3, &theirs).unwrap_err(), KeyringError::IntegrityFailure);
    theirs.pages = ours.pages.clone();
    assert_eq!(Page::from_sealed(&row, 3, &theirs).unwrap_err(), KeyringError::IntegrityFailure);
}

#[test]
fn names_tell_space_parts_body_and_person_apart() {
    let (ours, theirs) = (keyring(), keyring());
    let person = NamingKey::for_person(&Key32::from_bytes([1; 32]));
    let other = NamingKey::for_person(&Key32::from_bytes([2; 32]));
    let names = [
        ours.naming().name(1, &[b"ab", b"c"]),
        ours.naming().name(2, &[b"ab", b"c"]),
        ours.naming().name(1, &[b"a", b"bc"]),
        theirs.naming().name(1, &[b"ab", b"c"]),
        person.name(1, &[b"ab", b"c"]),
        other.name(1, &[b"ab", b"c"]),
    ];
    let distinct: std::collections::BTreeSet<_> = names.iter().collect();
    assert_eq!(distinct.len(), names.len());
}

#[test]
fn a_keyring_prints_no_key() {
    assert_eq!(format!("{:?}", fixed()), "Keyring { generation: 4, days: 3, pages: 1, .. }");
}

#[test]
fn frozen_forms_of_version_1() {
    let mut keyring = fixed();
    let wrapped = wrap_salted(&root(), &epoch(), WRAP_PLACE, &key(), [[11; 16], [12; 16]]).unwrap();
    insta::assert_snapshot!("wrapped", data_encoding::HEXLOWER.encode(&wrapped));
    let under = Wrapped { key: &wrapped, ..WRAPPED };
    let sealed = keyring.seal_salted(0, &key(), under, [6; 16]).unwrap();
    insta::assert_snapshot!("keyring", data_encoding::HEXLOWER.encode(&sealed));
    let keys = (0..=255u8).map(|slot| (1, Key32::from_bytes([slot; 32]))).collect();
    let page = Page { page: 9, keys }.to_sealed_salted(&keyring, [8; 16]).unwrap();
    let summary = format!(
        "{} bytes, beginning {}, sha-256 {}",
        page.len(),
        data_encoding::HEXLOWER.encode(&page[..42]),
        data_encoding::HEXLOWER.encode(&sha256(&page))
    );
    insta::assert_snapshot!("page", summary);
    let names = [
        keyring.naming().name(5, &[b"part", b"other"]),
        NamingKey::for_person(&Key32::from_bytes([1; 32])).name(5, &[b"part", b"other"]),
    ];
    insta::assert_snapshot!("names", names.map(|name| data_encoding::HEXLOWER.encode(&name)).join("\n"));
}
