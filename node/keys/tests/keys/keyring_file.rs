//! The keyring's file: whose it is, that changes last, and that they are whole.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use chukei_crypto::keyring::KeyringError;
use chukei_crypto::seal::{KeySource, Purpose};
use chukei_keys::{KeyProvider, KeyfileError, KeyringFile, MAX_KEYRING_BYTES, ProviderError, WrapIds};

use crate::stage::{Stage, TODAY, day_key, owner};

#[test]
fn keyfile_changes_are_in_the_file_when_they_return() {
    let stage = Stage::new();
    let file = stage.create();
    let before = file.snapshot();
    let with_day = file.ensure_day_key(Purpose::Notices, 20_000).unwrap();
    assert!(with_day.day_key(Purpose::Notices, 20_000).is_ok());
    assert!(before.day_key(Purpose::Notices, 20_000).is_err(), "a snapshot does not change");
    file.ensure_page(7).unwrap();
    let made = day_key(&file, 20_000);

    let reopened = stage.open().unwrap();
    assert_eq!(day_key(&reopened, 20_000), made);
    assert_eq!(reopened.snapshot().generation(), file.snapshot().generation());
    let gone = reopened.destroy_days_before(20_001).unwrap();
    assert_eq!(gone, [(Purpose::Notices, 20_000)]);
    assert_eq!(day_key(&reopened, 20_000), None);
    assert_eq!(day_key(&stage.open().unwrap(), 20_000), None);
}

#[test]
fn r23_the_keys_of_seven_years_of_months_take_a_few_kibibytes_and_are_made_with_one_writing() {
    let stage = Stage::new();
    let file = stage.create();
    let (size, generation) =
        (fs::metadata(stage.keyring_path()).unwrap().len(), file.snapshot().generation());
    let months: Vec<u32> = (0..86).map(|month| TODAY + 31 * (month + 1)).collect();
    file.ensure_day_keys(Purpose::Audit, &months).unwrap();
    assert_eq!(file.snapshot().days(Purpose::Audit), months);
    assert_eq!(file.snapshot().generation(), generation + 1);
    file.ensure_day_keys(Purpose::Audit, &months[..2]).unwrap();
    assert_eq!(file.snapshot().generation(), generation + 1, "what is there is not written again");
    let grown = fs::metadata(stage.keyring_path()).unwrap().len() - size;
    assert_eq!(grown, 86 * 41, "3.5 KiB, far from {MAX_KEYRING_BYTES}");
}

#[test]
fn keyfile_is_rewritten_only_when_something_changed() {
    let stage = Stage::new();
    let (path, file) = (stage.keyring_path(), stage.create());
    file.ensure_day_key(Purpose::Notices, 20_000).unwrap();
    file.ensure_page(7).unwrap();
    let written = fs::read(&path).unwrap();
    file.ensure_day_key(Purpose::Notices, 20_000).unwrap();
    file.ensure_page(7).unwrap();
    for ended in [TODAY, TODAY - 1] {
        assert_eq!(
            file.destroy_days_before(ended).unwrap(),
            [],
            "it began with its day, and a day ends once"
        );
    }
    assert_eq!(fs::read(&path).unwrap(), written);
    file.ensure_page(8).unwrap();
    assert_ne!(fs::read(&path).unwrap(), written);
}

#[test]
fn keyfile_a_refused_or_failed_change_changes_nothing() {
    let stage = Stage::new();
    let (path, file) = (stage.keyring_path(), stage.create());
    let written = fs::read(&path).unwrap();
    let refused = file.update(|keyring| {
        keyring.ensure_page(1)?;
        Err::<(), _>(KeyringError::TooLong)
    });
    assert!(matches!(refused, Err(KeyfileError::Keyring(KeyringError::TooLong))));
    // Nothing can be written where a folder stands in the way.
    let blocked = path.with_file_name("982016.keyring.new");
    fs::create_dir(&blocked).unwrap();
    let failed = file.ensure_day_key(Purpose::Notices, 20_000);
    assert!(matches!(failed, Err(KeyfileError::Io(_))));
    assert_eq!(day_key(&file, 20_000), None, "a key that is not in the file is not used");
    assert_eq!(fs::read(&path).unwrap(), written);
    fs::remove_dir(&blocked).unwrap();
    assert!(file.ensure_day_key(Purpose::Notices, 20_000).is_ok());
}

/// R1: the keyring of one body opens for no other body, and under no other body's root or epoch.
#[test]
fn keyfile_r1_opens_only_for_its_owner_under_its_root_and_epoch() {
    let stage = Stage::new();
    let path = stage.keyring_path();
    stage.create();
    let other = "982024".parse().unwrap();
    let wrong = KeyringFile::open(&path, stage.provider(), &other);
    assert!(matches!(wrong, Err(KeyfileError::Keyring(KeyringError::WrongOwner))));
    for key in ["roots/982016.root-1.key", "epochs/982016.epoch-20000.key"] {
        let key = stage.path(key);
        let kept = fs::read(&key).unwrap();
        fs::write(&key, "00".repeat(32)).unwrap();
        assert!(matches!(stage.open(), Err(KeyfileError::Provider(ProviderError::Integrity))));
        fs::write(&key, kept).unwrap();
    }
    assert!(stage.open().is_ok());
    let mut bytes = fs::read(&path).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&path, bytes).unwrap();
    let altered = stage.open().unwrap_err();
    assert!(matches!(altered, KeyfileError::Keyring(KeyringError::IntegrityFailure)));
    assert_eq!(altered.code(), "INTEGRITY_FAILURE");
}

/// Bad input: whatever is wrong with the file has a name, and the same file opens again once it is put right.
#[test]
fn keyfile_every_kind_of_damage_is_named() {
    let stage = Stage::new();
    let path = stage.keyring_path();
    stage.create().ensure_page(7).unwrap();
    let whole = fs::read(&path).unwrap();
    let code = |bytes: &[u8]| {
        fs::write(&path, bytes).unwrap();
        stage.open().unwrap_err().code()
    };
    let with = |at: usize, byte: u8| {
        let mut bytes = whole.clone();
        bytes[at] = byte;
        bytes
    };
    for cut in 0..whole.len() {
        assert_eq!(code(&whole[..cut]), "INTEGRITY_FAILURE", "cut at {cut}");
    }
    assert_eq!(code(b"another file altogether"), "INTEGRITY_FAILURE");
    assert_eq!(code(&[&whole[..], &[0]].concat()), "INTEGRITY_FAILURE");
    assert_eq!(code(&with(4, 2)), "NEWER_FORMAT", "a later version");
    assert_eq!(code(&with(5, 9)), "NEWER_FORMAT", "a suite that is not known");
    assert_eq!(code(&with(13, 99)), "INTEGRITY_FAILURE", "the generation is bound");
    assert_eq!(code(&with(17, 2)), "NOT_READY", "a root that is not there yet");
    assert_eq!(code(&with(21, 0)), "KEY_DESTROYED", "an epoch that is not there");
    assert_eq!(code(&with(23, 7)), "NEWER_FORMAT", "wrapped by another kind of provider");
    assert_eq!(code(&with(60, whole[60] ^ 1)), "INTEGRITY_FAILURE", "the wrapped key");
    fs::write(&path, &whole).unwrap();
    assert!(stage.open().is_ok());
}

#[test]
fn keyfile_is_never_made_over_another_nor_guessed_when_missing() {
    let stage = Stage::new();
    let path = stage.keyring_path();
    stage.create();
    let again = KeyringFile::create(&path, stage.provider(), &owner(), TODAY);
    assert!(matches!(again, Err(KeyfileError::Exists)));
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    fs::write(&path, vec![0; MAX_KEYRING_BYTES as usize + 1]).unwrap();
    assert!(matches!(stage.open(), Err(KeyfileError::TooLarge)));
    fs::remove_file(&path).unwrap();
    assert!(matches!(stage.open(), Err(KeyfileError::Lost)));
    let over_a_loss = KeyringFile::create(&path, stage.provider(), &owner(), TODAY);
    assert!(matches!(over_a_loss, Err(KeyfileError::Lost)), "a lost keyring is not covered by a new one");
    assert!(matches!(Stage::new().open(), Err(KeyfileError::Missing)));
}

#[test]
fn keyfile_begins_under_the_newest_root_and_the_epoch_of_the_day() {
    let stage = Stage::new();
    stage.provider().make_root(&owner(), 4).unwrap();
    assert_eq!(stage.create().ids(), WrapIds { root: 4, epoch: TODAY });
    assert_eq!(stage.open().unwrap().ids(), WrapIds { root: 4, epoch: TODAY });

    let rootless = Stage::new();
    rootless.provider().destroy_root(&owner(), 1).unwrap();
    let refused = KeyringFile::create(&rootless.keyring_path(), rootless.provider(), &owner(), TODAY);
    assert!(matches!(refused, Err(KeyfileError::Provider(ProviderError::Missing))));
    assert!(!rootless.keyring_path().exists());
}

/// A write that a crash cut short lies beside the file and is written over.
#[test]
fn keyfile_a_half_written_successor_is_ignored() {
    let stage = Stage::new();
    let (path, file) = (stage.keyring_path(), stage.create());
    file.ensure_page(3).unwrap();
    fs::write(path.with_file_name("982016.keyring.new"), b"half").unwrap();
    let reopened = stage.open().unwrap();
    assert_eq!(reopened.snapshot().generation(), file.snapshot().generation());
    reopened.ensure_page(4).unwrap();
    assert!(stage.open().is_ok());
}

#[test]
fn keyfile_changes_made_at_once_are_all_kept() {
    let stage = Stage::new();
    let file = stage.create();
    std::thread::scope(|scope| {
        for day in TODAY..TODAY + 8 {
            let file = &file;
            scope.spawn(move || file.ensure_day_key(Purpose::Notices, day).unwrap());
        }
    });
    let reopened = stage.open().unwrap();
    assert!((TODAY..TODAY + 8).all(|day| day_key(&reopened, day).is_some()));
}
