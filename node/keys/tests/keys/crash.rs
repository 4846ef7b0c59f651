//! Failures at every step of every change: what returned holds, what did not return may hold, and nothing else is
//! ever the case.
//!
//! The order is: file durable, generation raised, change acknowledged, old keys destroyed. A provider that fails at a
//! chosen call stands for a crash there: what comes after is a new process on what the disk holds.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use chukei_crypto::keyring::{Head, KeyringKey};
use chukei_crypto::seal::{KeySource, Purpose};
use chukei_keys::{FileProvider, KeyProvider, KeyfileError, KeyringFile, Owner, ProviderError, WrapIds};

use crate::stage::{Stage, TODAY, day_key, owner};

/// Files, and a call that fails before it does anything. Also a witness of the order of things.
#[derive(Debug)]
struct Failing {
    files: Arc<FileProvider>,
    keyring: std::path::PathBuf,
    /// Calls left before the one that fails.
    left: AtomicUsize,
}

impl Failing {
    fn over(stage: &Stage) -> Arc<Self> {
        let left = AtomicUsize::new(usize::MAX);
        Arc::new(Self { files: stage.provider(), keyring: stage.keyring_path(), left })
    }

    fn fail_after(&self, calls: usize) {
        self.left.store(calls, Ordering::SeqCst);
    }

    fn heal(&self) {
        self.fail_after(usize::MAX);
    }

    fn step(&self) -> Result<&FileProvider, ProviderError> {
        let left =
            self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| Some(left.saturating_sub(1)));
        match left {
            Ok(0) => Err(ProviderError::Unavailable("broken off by the test".into())),
            _ => Ok(&self.files),
        }
    }

    /// Generation, root and epoch that the file names at this moment.
    fn in_file(&self) -> (u64, WrapIds) {
        let sealed = fs::read(&self.keyring).unwrap();
        let head = Head::parse(&sealed).unwrap();
        (head.generation, WrapIds { root: head.wrapped.root, epoch: head.wrapped.epoch })
    }
}

impl KeyProvider for Failing {
    fn roots(&self, owner: &Owner) -> Result<Vec<u32>, ProviderError> {
        self.step()?.roots(owner)
    }

    fn make_root(&self, owner: &Owner, number: u32) -> Result<(), ProviderError> {
        self.step()?.make_root(owner, number)
    }

    fn destroy_root(&self, owner: &Owner, number: u32) -> Result<(), ProviderError> {
        let files = self.step()?;
        let (generation, ids) = self.in_file();
        assert!(ids.root > number, "no root goes before the file is under a newer one");
        assert_eq!(files.generation(owner).unwrap(), generation, "nor before that file is acknowledged");
        files.destroy_root(owner, number)
    }

    fn epochs(&self, owner: &Owner) -> Result<Vec<u32>, ProviderError> {
        self.step()?.epochs(owner)
    }

    fn make_epoch(&self, owner: &Owner, day: u32) -> Result<(), ProviderError> {
        self.step()?.make_epoch(owner, day)
    }

    fn destroy_epoch(&self, owner: &Owner, day: u32) -> Result<(), ProviderError> {
        let files = self.step()?;
        let (generation, ids) = self.in_file();
        assert!(ids.epoch > day, "no epoch goes before the file is under a newer one");
        assert_eq!(files.generation(owner).unwrap(), generation, "nor before that file is acknowledged");
        files.destroy_epoch(owner, day)
    }

    fn wrap(&self, owner: &Owner, ids: WrapIds, key: &KeyringKey) -> Result<Vec<u8>, ProviderError> {
        self.step()?.wrap(owner, ids, key)
    }

    fn unwrap(&self, owner: &Owner, ids: WrapIds, wrapped: &[u8]) -> Result<KeyringKey, ProviderError> {
        self.step()?.unwrap(owner, ids, wrapped)
    }

    fn generation(&self, owner: &Owner) -> Result<u64, ProviderError> {
        self.step()?.generation(owner)
    }

    fn raise_generation(&self, owner: &Owner, to: u64) -> Result<(), ProviderError> {
        let files = self.step()?;
        assert_eq!(self.in_file().0, to, "the file is there before its generation is raised");
        files.raise_generation(owner, to)
    }

    fn probe(&self, owner: &Owner) -> Result<(), ProviderError> {
        self.step()?.probe(owner)
    }
}

fn broken_off<T>(outcome: &Result<T, KeyfileError>) -> bool {
    matches!(outcome, Err(KeyfileError::Provider(ProviderError::Unavailable(_))))
}

/// A change, broken off at its first call, its second, and so on until it passes. After each: a new process finds
/// what was there before or what was to be, and the same change passes on the old process and the new one.
fn at_every_step(change: fn(&KeyringFile) -> Result<(), KeyfileError>) {
    for calls in 0.. {
        let stage = Stage::new();
        let provider = Failing::over(&stage);
        let file = KeyringFile::create(&stage.keyring_path(), provider.clone(), &owner(), TODAY).unwrap();
        file.ensure_day_key(Purpose::Notices, 21_000).unwrap();
        let (held, before, ids) = (day_key(&file, 21_000), file.snapshot(), file.ids());

        provider.fail_after(calls);
        let outcome = change(&file);
        provider.heal();
        if outcome.is_ok() {
            assert!(calls > 1, "nothing was broken off at all");
            return;
        }
        assert!(broken_off(&outcome), "{outcome:?}");
        let acknowledged = file.snapshot().generation();
        assert!((before.generation()..=before.generation() + 1).contains(&acknowledged));
        if acknowledged == before.generation() {
            assert_eq!(file.ids(), ids, "what is not acknowledged is not in use");
        }

        let reopened = stage.open().unwrap();
        assert!(reopened.snapshot().generation() >= acknowledged, "what was acknowledged is never lost");
        assert_eq!(day_key(&reopened, 21_000), held);
        drop(reopened);

        change(&file).unwrap();
        change(&stage.open().unwrap()).unwrap();
        assert_eq!(day_key(&stage.open().unwrap(), 21_000), held);
    }
}

#[test]
fn a_new_key_broken_off_anywhere() {
    at_every_step(|file| file.ensure_day_key(Purpose::Answers, 22_000).map(drop));
}

#[test]
fn a_turn_of_the_epoch_broken_off_anywhere() {
    at_every_step(|file| {
        file.turn_epoch(TODAY + 9, 7)?;
        assert_eq!(file.provider().epochs(&owner())?, [TODAY + 9], "the turn is ended by its repetition");
        Ok(())
    });
}

#[test]
fn a_rotation_of_the_root_broken_off_anywhere() {
    at_every_step(|file| {
        let rotated = file.rotate_root()?;
        assert_eq!(file.provider().roots(&owner())?, [rotated.root]);
        Ok(())
    });
}

#[test]
fn a_rotation_of_standing_keys_broken_off_anywhere() {
    at_every_step(|file| file.rotate_standing());
}

/// R23: whatever stops it, its repetition leaves one epoch, which sealed the log's keys alone.
#[test]
fn r23_an_end_of_all_but_the_log_broken_off_anywhere() {
    for calls in 0.. {
        let stage = Stage::new();
        let provider = Failing::over(&stage);
        let file = KeyringFile::create(&stage.keyring_path(), provider.clone(), &owner(), TODAY).unwrap();
        file.turn_epoch(TODAY + 1, 7).unwrap();
        let before = fs::read(stage.keyring_path()).unwrap();
        provider.fail_after(calls);
        let outcome = file.end_all_but_log();
        provider.heal();
        assert!(outcome.is_ok() || broken_off(&outcome), "{outcome:?}");
        drop(file);
        let reopened = stage.open().unwrap();
        let ended = reopened.end_all_but_log().unwrap();
        let keyring = reopened.snapshot();
        assert!(keyring.is_ended() && keyring.day_key(Purpose::Audit, 0).is_ok());
        assert_eq!(keyring.generation(), ended.generation);
        assert_eq!(reopened.ids().epoch, TODAY + 2, "one day ahead, however often it was tried");
        assert_eq!(stage.provider().epochs(&owner()).unwrap(), [TODAY + 2]);
        fs::write(stage.keyring_path(), before).unwrap();
        assert_eq!(stage.open().unwrap_err().code(), "KEY_DESTROYED", "in every copy");
        if outcome.is_ok() {
            assert!(calls > 4, "nothing was broken off at all");
            return;
        }
    }
}

#[test]
fn a_first_keyring_broken_off_anywhere_is_there_or_can_be_made() {
    for calls in 0.. {
        let stage = Stage::new();
        let provider = Failing::over(&stage);
        provider.fail_after(calls);
        let create = || KeyringFile::create(&stage.keyring_path(), provider.clone(), &owner(), TODAY);
        let outcome = create();
        provider.heal();
        if outcome.is_ok() {
            assert!(calls > 3);
            return;
        }
        assert!(broken_off(&outcome));
        match stage.open() {
            Ok(opened) => assert_eq!(opened.snapshot().generation(), 1),
            Err(error) => {
                assert!(matches!(error, KeyfileError::Missing), "{error}");
                create().unwrap();
            }
        }
        assert!(stage.open().is_ok());
    }
}

#[test]
fn a_keyring_whose_generation_was_not_raised_is_opened_and_raised() {
    let stage = Stage::new();
    let provider = Failing::over(&stage);
    let file = KeyringFile::create(&stage.keyring_path(), provider.clone(), &owner(), TODAY).unwrap();
    provider.fail_after(1);
    assert!(broken_off(&file.ensure_day_key(Purpose::Notices, 21_000)), "wrapped and written, not raised");
    assert_eq!(day_key(&file, 21_000), None, "not acknowledged, not used");
    assert_eq!((provider.in_file().0, stage.provider().generation(&owner()).unwrap()), (2, 1));
    let reopened = stage.open().unwrap();
    assert!(day_key(&reopened, 21_000).is_some());
    assert_eq!(stage.provider().generation(&owner()).unwrap(), 2);
    // The process that went on has another keyring: it gets a generation of its own.
    provider.heal();
    file.ensure_day_key(Purpose::Notices, 21_000).unwrap();
    assert_eq!(file.snapshot().generation(), 3);
}

/// A file that cannot be written stops everything that would come after it.
#[test]
fn without_a_new_file_no_generation_is_raised_and_no_key_destroyed() {
    let stage = Stage::new();
    let file = stage.create();
    let blocked = stage.path("data/982016.keyring.new");
    fs::create_dir(&blocked).unwrap();
    assert!(matches!(file.turn_epoch(TODAY + 9, 7), Err(KeyfileError::Io(_))));
    assert!(matches!(file.rotate_root(), Err(KeyfileError::Io(_))));
    let provider = stage.provider();
    assert_eq!(provider.generation(&owner()).unwrap(), 1);
    assert_eq!(provider.epochs(&owner()).unwrap(), [TODAY, TODAY + 9]);
    assert_eq!(provider.roots(&owner()).unwrap(), [1, 2]);
    assert_eq!(file.ids(), WrapIds { root: 1, epoch: TODAY });
    fs::remove_dir(&blocked).unwrap();
    assert_eq!(file.rotate_root().unwrap().root, 2, "the root that was made is used, not yet another");
    assert_eq!(file.turn_epoch(TODAY + 9, 7).unwrap().destroyed, [TODAY]);
    assert_eq!(stage.open().unwrap().ids(), WrapIds { root: 2, epoch: TODAY + 9 });
}

/// Whoever is told that a key is destroyed finds it in no file that opens.
#[test]
fn a_provider_that_is_gone_stops_changes_and_leaves_what_is_open() {
    let stage = Stage::new();
    let provider = Failing::over(&stage);
    let file = KeyringFile::create(&stage.keyring_path(), provider.clone(), &owner(), TODAY).unwrap();
    provider.fail_after(0);
    assert!(broken_off(&file.destroy_days_before(21_000)));
    assert!(broken_off(&KeyringFile::open(&stage.keyring_path(), provider.clone(), &owner())));
    assert!(file.snapshot().day_key(Purpose::Names, 0).is_ok(), "what is open goes on");
    provider.heal();
    file.destroy_days_before(21_000).unwrap();
}
