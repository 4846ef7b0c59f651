//! Epochs turn, roots and standing keys rotate, and data goes on opening.

use std::fs;
use std::sync::Arc;

use chukei_crypto::keyring::Page;
use chukei_crypto::seal::{KeyIds, Place, Purpose, SealError, open, seal};
use chukei_keys::{
    FileProvider, KeyProvider, KeyfileError, KeyringFile, ProviderError, RotatedRoot, TurnedEpoch, WrapIds,
};

use crate::stage::{Stage, TODAY, day_key, owner};

const PLACE: Place<'_> = Place { body: b"982016", space: 5, row: b"row" };
const NAMES: KeyIds = KeyIds { purpose: Purpose::Names, day: 0, person: None };

#[test]
fn an_epoch_turns_once_a_day_and_the_ones_before_the_kept_are_destroyed() {
    let stage = Stage::new();
    let file = stage.create();
    file.ensure_day_key(Purpose::Notices, 21_000).unwrap();
    let held = day_key(&file, 21_000);
    for day in TODAY + 1..TODAY + 7 {
        assert_eq!(file.turn_epoch(day, 7).unwrap(), TurnedEpoch { epoch: day, destroyed: vec![] });
    }
    let generation = file.snapshot().generation();
    assert_eq!(file.turn_epoch(TODAY + 6, 7).unwrap(), TurnedEpoch { epoch: TODAY + 6, destroyed: vec![] });
    assert_eq!(file.snapshot().generation(), generation, "the same day turns nothing");
    let turned = file.turn_epoch(TODAY + 7, 7).unwrap();
    assert_eq!(turned, TurnedEpoch { epoch: TODAY + 7, destroyed: vec![TODAY] });
    let at_hand: Vec<u32> = (TODAY + 1..=TODAY + 7).collect();
    assert_eq!(file.provider().epochs(&owner()).unwrap(), at_hand, "seven are kept");
    assert_eq!(day_key(&stage.open().unwrap(), 21_000), held);
    assert_eq!(stage.open().unwrap().ids(), WrapIds { root: 1, epoch: TODAY + 7 });
}

/// After days of standing still, everything that should have gone goes at once.
#[test]
fn a_turn_after_a_pause_destroys_all_that_is_over_but_never_the_one_in_use() {
    let stage = Stage::new();
    let file = stage.create();
    file.turn_epoch(TODAY + 1, 7).unwrap();
    let turned = file.turn_epoch(TODAY + 100, 7).unwrap();
    assert_eq!(turned.destroyed, [TODAY, TODAY + 1]);
    let kept = file.turn_epoch(TODAY + 101, 0).unwrap();
    assert_eq!(kept, TurnedEpoch { epoch: TODAY + 101, destroyed: vec![TODAY + 100] });
    assert!(stage.open().is_ok());
}

#[test]
fn a_clock_that_was_set_back_makes_and_destroys_nothing() {
    let stage = Stage::new();
    let file = stage.create();
    file.turn_epoch(TODAY + 5, 7).unwrap();
    let generation = file.snapshot().generation();
    let turned = file.turn_epoch(TODAY - 3, 1).unwrap();
    assert_eq!(turned, TurnedEpoch { epoch: TODAY + 5, destroyed: vec![] });
    assert_eq!(file.provider().epochs(&owner()).unwrap(), [TODAY, TODAY + 5]);
    assert_eq!(file.snapshot().generation(), generation);
}

#[test]
fn a_root_rotates_without_rewriting_data_and_the_old_one_is_destroyed() {
    let stage = Stage::new();
    let file = stage.create();
    let sealed = seal(&*file.snapshot(), NAMES, PLACE, b"value").unwrap();
    let before = fs::read(stage.keyring_path()).unwrap();
    assert_eq!(file.rotate_root().unwrap(), RotatedRoot { root: 2, left: vec![] });
    assert_eq!(stage.provider().roots(&owner()).unwrap(), [2]);
    let reopened = stage.open().unwrap();
    assert_eq!(reopened.ids(), WrapIds { root: 2, epoch: TODAY });
    assert_eq!(open(&*reopened.snapshot(), PLACE, &sealed).unwrap().get(), b"value");
    fs::write(stage.keyring_path(), before).unwrap();
    let error = stage.open().unwrap_err();
    assert!(matches!(error, KeyfileError::Provider(ProviderError::Destroyed)));
    assert_eq!(error.code(), "KEY_DESTROYED");
}

#[test]
fn a_mounted_root_rotates_when_a_newer_one_is_mounted() {
    let stage = Stage::new();
    let provider = Arc::new(FileProvider::mounted(&stage.path("roots"), &stage.path("epochs")));
    let file = KeyringFile::create(&stage.keyring_path(), provider.clone(), &owner(), TODAY).unwrap();
    assert!(matches!(file.rotate_root(), Err(KeyfileError::NoNewerRoot)));
    stage.provider().make_root(&owner(), 3).unwrap();
    assert_eq!(file.rotate_root().unwrap(), RotatedRoot { root: 3, left: vec![1] });
    assert_eq!(provider.roots(&owner()).unwrap(), [1, 3], "whoever mounted it takes it away");
    stage.provider().destroy_root(&owner(), 1).unwrap();
    assert_eq!(stage.open().unwrap().ids().root, 3);
}

/// A rotation that broke off after the keyring was written is ended by the next turn of the epoch.
#[test]
fn a_root_left_by_a_broken_off_rotation_goes_with_the_next_turn() {
    let stage = Stage::new();
    let file = stage.create();
    let kept = fs::read(stage.path("roots/982016.root-1.key")).unwrap();
    file.rotate_root().unwrap();
    fs::write(stage.path("roots/982016.root-1.key"), kept).unwrap();
    file.turn_epoch(TODAY, 7).unwrap();
    assert_eq!(stage.provider().roots(&owner()).unwrap(), [2]);
}

#[test]
fn standing_keys_rotate_and_retire_and_only_what_they_sealed_is_gone() {
    let stage = Stage::new();
    let file = stage.create();
    file.ensure_page(3).unwrap();
    let old = seal(&*file.snapshot(), NAMES, PLACE, b"old").unwrap();
    let old_page = Page::create(3).unwrap().to_sealed(&file.snapshot()).unwrap();
    let number = file.snapshot().day_numbers(Purpose::Names, 0)[0];
    file.rotate_standing().unwrap();
    let new = seal(&*file.snapshot(), NAMES, PLACE, b"new").unwrap();

    let file = stage.open().unwrap();
    let keys = file.snapshot();
    assert_eq!(open(&*keys, PLACE, &old).unwrap().get(), b"old");
    assert_eq!(open(&*keys, PLACE, &new).unwrap().get(), b"new");
    assert!(Page::from_sealed(&old_page, 3, &keys).is_ok());
    assert!(file.retire(Purpose::Names, number).unwrap());
    assert!(!file.retire(Purpose::Names, number).unwrap(), "once");
    for keys in [file.snapshot(), stage.open().unwrap().snapshot()] {
        assert_eq!(open(&*keys, PLACE, &old), Err(SealError::KeyDestroyed));
        assert_eq!(open(&*keys, PLACE, &new).unwrap().get(), b"new");
    }
}
