//! Old keys beside new ones, and their retirement.

use super::tests::{PLACE, keyring, reopened, sealed};
use super::*;
use crate::seal::{KeyIds, SealError, open, seal};

#[test]
fn renewed_standing_keys_seal_what_comes_and_old_ones_open_what_is_there() {
    let mut keyring = keyring();
    keyring.ensure_page(3).unwrap();
    let ids = KeyIds { purpose: Purpose::Names, day: 0, person: None };
    let old = seal(&keyring, ids, PLACE, b"old").unwrap();
    let old_page = Page::create(3).unwrap().to_sealed(&keyring).unwrap();
    let before = keyring.day_numbers(Purpose::Names, 0);
    keyring.renew_standing().unwrap();
    let new = seal(&keyring, ids, PLACE, b"new").unwrap();

    let mut keyring = reopened(&sealed(&mut keyring)).unwrap();
    assert_eq!(open(&keyring, PLACE, &old).unwrap().get(), b"old");
    assert_eq!(open(&keyring, PLACE, &new).unwrap().get(), b"new");
    assert!(Purpose::ALL.iter().all(|purpose| keyring.day_numbers(*purpose, 0).len() == 2));
    assert_eq!(keyring.page_numbers(3), [1, 2]);
    let page = Page::from_sealed(&old_page, 3, &keyring).unwrap();
    let new_page = page.to_sealed(&keyring).unwrap();

    assert_eq!(keyring.retire(Purpose::Names, before[0]), Ok(true));
    assert_eq!(keyring.retire(Purpose::Names, before[0]), Ok(false));
    let newest = keyring.day_numbers(Purpose::Names, 0)[0];
    assert_eq!(keyring.retire(Purpose::Names, newest), Err(KeyringError::InUse));
    assert_eq!(open(&keyring, PLACE, &old), Err(SealError::KeyDestroyed));
    assert_eq!(open(&keyring, PLACE, &new).unwrap().get(), b"new");
    assert_eq!((keyring.retire_page(3), keyring.retire_page(3), keyring.retire_page(4)), (1, 0, 0));
    let gone = Page::from_sealed(&old_page, 3, &keyring).unwrap_err();
    assert_eq!(gone, KeyringError::Key(KeyError::Destroyed));
    assert_eq!(Page::from_sealed(&new_page, 3, &keyring).unwrap().keys, page.keys);
}

#[test]
fn a_person_whose_slot_is_renewed_is_erased_and_nobody_else() {
    let mut keyring = keyring();
    keyring.ensure_page(3).unwrap();
    let mut page = Page::create(3).unwrap();
    let of = |slot| KeyIds { purpose: Purpose::Copies, day: 0, person: Some(PersonSlot { page: 3, slot }) };
    let erased = seal(&page.keys(&keyring), of(7), PLACE, b"erased").unwrap();
    let stays = seal(&page.keys(&keyring), of(8), PLACE, b"stays").unwrap();
    let old_row = page.to_sealed(&keyring).unwrap();
    let [old_key, other_key] = [7, 8].map(|slot| page.person_key(slot).unwrap().1.clone());
    page.renew_slot(7).unwrap();
    assert_ne!(*page.person_key(7).unwrap().1, old_key);
    assert_eq!(*page.person_key(8).unwrap().1, other_key);
    assert_eq!((page.person_key(7).unwrap().0, page.person_key(8).unwrap().0), (2, 1));
    keyring.renew_page_key(3).unwrap();
    let row = page.to_sealed(&keyring).unwrap();
    keyring.retire_page(3);

    let page = Page::from_sealed(&row, 3, &keyring).unwrap();
    assert_eq!(open(&page.keys(&keyring), PLACE, &erased), Err(SealError::KeyDestroyed));
    assert_eq!(open(&page.keys(&keyring), PLACE, &stays).unwrap().get(), b"stays");
    assert!(Page::from_sealed(&old_row, 3, &keyring).is_err());
    let again = seal(&page.keys(&keyring), of(7), PLACE, b"again").unwrap();
    assert_eq!(open(&page.keys(&keyring), PLACE, &again).unwrap().get(), b"again");
}

#[test]
fn r23_an_ended_keyring_opens_its_log_and_nothing_else() {
    let mut keyring = keyring();
    keyring.ensure_page(3).unwrap();
    keyring.ensure_day_key(Purpose::Notices, 20_000).unwrap();
    let row = Page::create(3).unwrap().to_sealed(&keyring).unwrap();
    let of = |purpose, day| KeyIds { purpose, day, person: None };
    let sealed_under = |keyring: &Keyring, ids| seal(keyring, ids, PLACE, b"value").unwrap();
    let all: Vec<_> = Purpose::ALL.map(|purpose| (purpose, sealed_under(&keyring, of(purpose, 0)))).to_vec();
    let dated = sealed_under(&keyring, of(Purpose::Notices, 20_000));
    keyring.ensure_day_key(Purpose::Audit, 22_000).unwrap();
    let record = sealed_under(&keyring, of(Purpose::Audit, 22_000));
    let name = keyring.naming().name(1, &[b"row"]);
    assert!(!keyring.is_ended());

    keyring.end_all_but_log().unwrap();
    let keyring = reopened(&sealed(&mut keyring)).unwrap();
    assert!(keyring.is_ended());
    for (purpose, value) in all {
        let opens = matches!(purpose, Purpose::Audit | Purpose::Exchange);
        let opened = open(&keyring, PLACE, &value).map(|opened| opened.into_inner());
        assert_eq!(opened, if opens { Ok(b"value".to_vec()) } else { Err(SealError::KeyDestroyed) });
    }
    assert_eq!(open(&keyring, PLACE, &dated), Err(SealError::KeyDestroyed));
    assert_eq!(open(&keyring, PLACE, &record).unwrap().get(), b"value", "records stay until their own day");
    assert!(Page::from_sealed(&row, 3, &keyring).is_err());
    assert_ne!(keyring.naming().name(1, &[b"row"]), name);
}
