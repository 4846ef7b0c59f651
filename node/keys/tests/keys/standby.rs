//! Epochs at two places: in step, destroyed at both, and enough to bring a keyring back on another machine.

use std::path::PathBuf;
use std::sync::Arc;

use chukei_crypto::keyring::RootKey;
use chukei_keys::{
    FileProvider, KeyProvider, KeyfileError, KeyringFile, Owner, ProviderError, StandbyProvider,
};
use tempfile::TempDir;

const DAY: u32 = 20_778;
const KEPT: u32 = 7;

struct Machine {
    dir: TempDir,
    owner: Owner,
}

impl Machine {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        for folder in ["roots", "epochs", "standby"] {
            std::fs::create_dir(dir.path().join(folder)).unwrap();
        }
        Self { dir, owner: "982016".parse().unwrap() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn files(&self) -> FileProvider {
        FileProvider::new(&self.path("roots"), &self.path("epochs"))
    }

    fn provider(&self) -> Arc<StandbyProvider> {
        Arc::new(StandbyProvider::new(self.files(), &self.path("standby")))
    }

    fn standby_epochs(&self) -> Vec<u32> {
        FileProvider::mounted(&self.path("roots"), &self.path("standby")).epochs(&self.owner).unwrap()
    }

    fn keyring(&self) -> KeyringFile {
        self.provider().make_root(&self.owner, 1).unwrap();
        KeyringFile::create(&self.path("keyring"), self.provider(), &self.owner, DAY).unwrap()
    }
}

#[test]
fn both_places_have_an_epoch_before_it_is_used_and_neither_after_it_is_destroyed() {
    let machine = Machine::new();
    let keyring = machine.keyring();
    assert_eq!(machine.standby_epochs(), [DAY]);
    let turned = keyring.turn_epoch(DAY + 1, KEPT).unwrap();
    assert_eq!((turned.epoch, machine.standby_epochs()), (DAY + 1, vec![DAY, DAY + 1]));
    let old = std::fs::read(machine.path("keyring")).unwrap();
    let turned = keyring.turn_epoch(DAY + 1 + KEPT, KEPT).unwrap();
    assert_eq!(turned.destroyed, [DAY, DAY + 1]);
    assert_eq!(machine.standby_epochs(), [DAY + 1 + KEPT]);
    // An old copy of the keyring is opened by neither place.
    std::fs::write(machine.path("old"), old).unwrap();
    for epochs in ["epochs", "standby"] {
        let provider = Arc::new(FileProvider::new(&machine.path("roots"), &machine.path(epochs)));
        let opened = KeyringFile::open(&machine.path("old"), provider, &machine.owner);
        assert!(matches!(opened, Err(KeyfileError::Provider(ProviderError::Destroyed))));
    }
}

#[test]
fn what_the_standby_missed_is_destroyed_there_when_it_is_back() {
    let machine = Machine::new();
    let keyring = machine.keyring();
    keyring.turn_epoch(DAY + KEPT - 1, KEPT).unwrap();
    assert!(keyring.standby_in_step());
    std::fs::rename(machine.path("standby"), machine.path("away")).unwrap();
    assert!(!keyring.standby_in_step());
    // No new epoch is used that the standby has not; the one before it goes on.
    assert!(keyring.turn_epoch(DAY + KEPT, KEPT).is_err());
    assert_eq!(keyring.ids().epoch, DAY + KEPT - 1);
    keyring.rotate_standing().unwrap();
    std::fs::rename(machine.path("away"), machine.path("standby")).unwrap();
    let turned = keyring.turn_epoch(DAY + KEPT, KEPT).unwrap();
    assert_eq!(turned.destroyed, [DAY]);
    assert_eq!(machine.standby_epochs(), [DAY + KEPT - 1, DAY + KEPT]);
    assert!(keyring.standby_in_step());
}

#[test]
fn an_epoch_that_is_gone_here_and_not_there_is_not_told_as_destroyed() {
    let machine = Machine::new();
    let keyring = machine.keyring();
    keyring.turn_epoch(DAY + KEPT, KEPT + 1).unwrap();
    std::fs::rename(machine.path("standby"), machine.path("away")).unwrap();
    assert!(keyring.turn_epoch(DAY + KEPT, KEPT).is_err());
    std::fs::rename(machine.path("away"), machine.path("standby")).unwrap();
    assert_eq!(machine.standby_epochs(), [DAY, DAY + KEPT]);
    assert!(!keyring.standby_in_step(), "one is there that is destroyed here");
    assert_eq!(keyring.turn_epoch(DAY + KEPT, KEPT).unwrap().destroyed, [DAY]);
    assert_eq!(machine.standby_epochs(), [DAY + KEPT]);
}

/// The machine is lost; root, standby and a copy of the keyring are not (R25).
#[test]
fn a_keyring_comes_back_on_another_machine_and_an_older_copy_does_not() {
    let machine = Machine::new();
    let keyring = machine.keyring();
    let older = std::fs::read(machine.path("keyring")).unwrap();
    keyring.rotate_standing().unwrap();
    let newest = std::fs::read(machine.path("keyring")).unwrap();
    let root = std::fs::read(machine.path("roots/982016.root-1.key")).unwrap();

    let other = Machine::new();
    std::fs::write(other.path("roots/982016.root-1.key"), root).unwrap();
    assert_eq!(other.files().take_over(&machine.path("standby"), &other.owner).unwrap(), 1);
    std::fs::write(other.path("keyring"), older).unwrap();
    let opened = KeyringFile::open(&other.path("keyring"), other.provider(), &other.owner);
    assert!(matches!(opened, Err(KeyfileError::Older)));
    std::fs::write(other.path("keyring"), newest).unwrap();
    let opened = KeyringFile::open(&other.path("keyring"), other.provider(), &other.owner).unwrap();
    assert_eq!(opened.snapshot().generation(), keyring.snapshot().generation());
    // With another root it is nobody's.
    let wrong = RootKey::from_bytes([9; 32]);
    assert!(other.files().drill(&other.path("keyring"), &other.owner, 1, &wrong).is_err());
}
