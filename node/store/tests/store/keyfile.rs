//! The keyring's file: whose it is, that changes last, and that they are whole.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use chukei_crypto::keyring::{KeyringError, RootKey};
use chukei_crypto::seal::{KeySource, Purpose};
use chukei_store::DataFolder;
use chukei_store::keyfile::{KeyfileError, KeyringFile, MAX_KEYRING_BYTES};

const BODY: &[u8] = b"982016";

fn root() -> RootKey {
    RootKey::from_bytes([5; 32])
}

fn fresh() -> (tempfile::TempDir, PathBuf, KeyringFile) {
    let dir = tempfile::tempdir().unwrap();
    let path = DataFolder::open(dir.path()).unwrap().keyring_path("982016").unwrap();
    let file = KeyringFile::create(&path, root(), BODY).unwrap();
    (dir, path, file)
}

fn day_key(file: &KeyringFile, day: u32) -> Option<(u32, [u8; 32])> {
    file.snapshot().day_key(Purpose::Notices, day).ok().map(|(number, key)| (number, *key.as_bytes()))
}

#[test]
fn keyfile_changes_are_in_the_file_when_they_return() {
    let (_dir, path, file) = fresh();
    let before = file.snapshot();
    let with_day = file.ensure_day_key(Purpose::Notices, 20_000).unwrap();
    assert!(with_day.day_key(Purpose::Notices, 20_000).is_ok());
    assert!(before.day_key(Purpose::Notices, 20_000).is_err(), "a snapshot does not change");
    file.ensure_page(7).unwrap();
    let made = day_key(&file, 20_000);

    let reopened = KeyringFile::open(&path, root(), BODY).unwrap();
    assert_eq!(day_key(&reopened, 20_000), made);
    assert_eq!(reopened.snapshot().generation(), file.snapshot().generation());
    let gone = reopened.update(|keyring| Ok(keyring.destroy_days_before(20_001))).unwrap();
    assert_eq!(gone, [(Purpose::Notices, 20_000)]);
    assert_eq!(day_key(&reopened, 20_000), None);
    assert_eq!(day_key(&KeyringFile::open(&path, root(), BODY).unwrap(), 20_000), None);
}

#[test]
fn keyfile_is_rewritten_only_when_something_changed() {
    let (_dir, path, file) = fresh();
    file.ensure_day_key(Purpose::Notices, 20_000).unwrap();
    file.ensure_page(7).unwrap();
    let written = fs::read(&path).unwrap();
    file.ensure_day_key(Purpose::Notices, 20_000).unwrap();
    file.ensure_page(7).unwrap();
    assert_eq!(fs::read(&path).unwrap(), written);
    file.ensure_page(8).unwrap();
    assert_ne!(fs::read(&path).unwrap(), written);
}

#[test]
fn keyfile_a_refused_or_failed_change_changes_nothing() {
    let (_dir, path, file) = fresh();
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

/// R1: the keyring of one body opens for no other body and under no other body's root key.
#[test]
fn keyfile_r1_opens_only_for_its_body_and_root_key() {
    let (_dir, path, _) = fresh();
    let other_root = KeyringFile::open(&path, RootKey::from_bytes([6; 32]), BODY);
    assert!(matches!(other_root, Err(KeyfileError::Keyring(KeyringError::IntegrityFailure))));
    let other_body = KeyringFile::open(&path, root(), b"982024");
    assert!(matches!(other_body, Err(KeyfileError::Keyring(KeyringError::WrongBody))));
    let mut bytes = fs::read(&path).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&path, bytes).unwrap();
    let altered = KeyringFile::open(&path, root(), BODY);
    assert!(matches!(altered, Err(KeyfileError::Keyring(KeyringError::IntegrityFailure))));
}

#[test]
fn keyfile_is_never_made_over_another_nor_guessed_when_missing() {
    let (_dir, path, _) = fresh();
    assert!(matches!(KeyringFile::create(&path, root(), BODY), Err(KeyfileError::Exists)));
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    fs::write(&path, vec![0; MAX_KEYRING_BYTES as usize + 1]).unwrap();
    assert!(matches!(KeyringFile::open(&path, root(), BODY), Err(KeyfileError::TooLarge)));
    fs::remove_file(&path).unwrap();
    assert!(matches!(KeyringFile::open(&path, root(), BODY), Err(KeyfileError::Missing)));
}

/// A write that a crash cut short lies beside the file and is written over.
#[test]
fn keyfile_a_half_written_successor_is_ignored() {
    let (_dir, path, file) = fresh();
    file.ensure_page(3).unwrap();
    fs::write(path.with_file_name("982016.keyring.new"), b"half").unwrap();
    let reopened = KeyringFile::open(&path, root(), BODY).unwrap();
    assert_eq!(reopened.snapshot().generation(), file.snapshot().generation());
    reopened.ensure_page(4).unwrap();
    assert!(KeyringFile::open(&path, root(), BODY).is_ok());
}

#[test]
fn keyfile_changes_made_at_once_are_all_kept() {
    let (_dir, path, file) = fresh();
    std::thread::scope(|scope| {
        for day in 1..=8 {
            let file = &file;
            scope.spawn(move || file.ensure_day_key(Purpose::Notices, day).unwrap());
        }
    });
    let reopened = KeyringFile::open(&path, root(), BODY).unwrap();
    assert!((1..=8).all(|day| day_key(&reopened, day).is_some()));
}
