//! Roots and epochs as files: the published seam, and what files alone can be.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::sync::Arc;

use chukei_crypto::keyring::KeyringKey;
use chukei_keys::{FileProvider, KeyProvider, Owner, ProviderError, WrapIds};

use crate::conformance::{Subject, holds};
use crate::stage::{Stage, TODAY, owner};

const IDS: WrapIds = WrapIds { root: 1, epoch: TODAY };

fn key() -> KeyringKey {
    KeyringKey::from_bytes([7; 32])
}

/// Puts a root there as an operator or a cluster does.
fn mount(roots: &Path, owner: &Owner, number: u32) {
    fs::write(roots.join(format!("{owner}.root-{number}.key")), format!("{number:064x}\n")).unwrap();
}

#[test]
fn files_conform() {
    let stage = Stage::new();
    holds(&Subject { open: &|| stage.provider(), mount_root: None });
}

#[test]
fn mounted_roots_conform() {
    let stage = Stage::new();
    let roots = stage.path("roots");
    holds(&Subject {
        open: &|| Arc::new(FileProvider::mounted(&roots, &stage.path("epochs"))),
        mount_root: Some(&|owner, number| mount(&roots, owner, number)),
    });
}

#[test]
fn every_file_is_its_owners_alone() {
    let stage = Stage::new();
    stage.create();
    let mode = |path: &str| fs::metadata(stage.path(path)).unwrap().permissions().mode() & 0o777;
    let files = ["roots/982016.root-1.key", "epochs/982016.epoch-20000.key", "epochs/982016.generation"];
    assert_eq!(files.map(mode), [0o600; 3]);
    assert_eq!(mode("epochs"), 0o700);
}

/// A cluster mounts a secret as links into a folder that it exchanges as a whole.
#[test]
fn a_root_that_is_mounted_or_taken_away_counts_from_the_next_call_on() {
    let stage = Stage::new();
    let (first, second, mounted) = (stage.path("v1"), stage.path("v2"), stage.path("mounted"));
    for (folder, number) in [(&first, 1), (&second, 2)] {
        fs::create_dir(folder).unwrap();
        mount(folder, &owner(), number);
    }
    symlink(&first, &mounted).unwrap();
    let provider = FileProvider::mounted(&mounted, &stage.path("epochs"));
    provider.make_epoch(&owner(), TODAY).unwrap();
    let wrapped = provider.wrap(&owner(), IDS, &key()).unwrap();
    fs::remove_file(&mounted).unwrap();
    symlink(&second, &mounted).unwrap();
    assert_eq!(provider.roots(&owner()).unwrap(), [2]);
    assert!(matches!(provider.unwrap(&owner(), IDS, &wrapped), Err(ProviderError::Destroyed)));
    assert!(provider.wrap(&owner(), WrapIds { root: 2, ..IDS }, &key()).is_ok());
}

#[test]
fn a_mounted_folder_is_never_written() {
    let stage = Stage::new();
    let roots = stage.path("roots");
    fs::set_permissions(&roots, fs::Permissions::from_mode(0o500)).unwrap();
    let listed = || fs::read_dir(&roots).unwrap().count();
    let before = listed();
    let provider = FileProvider::mounted(&roots, &stage.path("epochs"));
    provider.make_epoch(&owner(), TODAY).unwrap();
    provider.raise_generation(&owner(), 3).unwrap();
    let wrapped = provider.wrap(&owner(), IDS, &key()).unwrap();
    assert_eq!(provider.unwrap(&owner(), IDS, &wrapped).unwrap(), key());
    assert!(matches!(provider.make_root(&owner(), 2), Err(ProviderError::ReadOnly)));
    assert_eq!(listed(), before);
}

#[test]
fn malformed_files_are_refused_and_never_replaced() {
    let stage = Stage::new();
    let provider = stage.provider();
    provider.make_epoch(&owner(), TODAY).unwrap();
    provider.raise_generation(&owner(), 3).unwrap();
    let wrapped = provider.wrap(&owner(), IDS, &key()).unwrap();
    for key_file in ["roots/982016.root-1.key", "epochs/982016.epoch-20000.key"] {
        let path = stage.path(key_file);
        let kept = fs::read_to_string(&path).unwrap();
        for bad in ["", "\n", &kept[..40], &format!("{kept}{kept}"), &kept.replace(['0', '1', '2'], "x")] {
            fs::write(&path, bad).unwrap();
            assert!(
                matches!(provider.unwrap(&owner(), IDS, &wrapped), Err(ProviderError::Integrity)),
                "{bad:?}"
            );
            assert!(matches!(provider.wrap(&owner(), IDS, &key()), Err(ProviderError::Integrity)));
            assert!(matches!(provider.probe(&owner()), Err(ProviderError::Integrity)));
            assert!(provider.make_epoch(&owner(), TODAY).is_err() || key_file.starts_with("roots"));
            assert!(provider.make_root(&owner(), 1).is_err() || key_file.starts_with("epochs"));
            assert_eq!(fs::read_to_string(&path).unwrap(), bad);
        }
        fs::write(&path, kept).unwrap();
    }
    assert_eq!(provider.unwrap(&owner(), IDS, &wrapped).unwrap(), key());
    for bad in ["", "x", "-1", "3 4", "03", "99999999999999999999", &"1".repeat(200)] {
        fs::write(stage.path("epochs/982016.generation"), bad).unwrap();
        assert!(matches!(provider.generation(&owner()), Err(ProviderError::Integrity)), "{bad:?}");
        assert!(matches!(provider.raise_generation(&owner(), 9), Err(ProviderError::Integrity)), "{bad:?}");
    }
}

#[test]
fn files_of_other_names_are_nobodys() {
    let stage = Stage::new();
    let provider = stage.provider();
    provider.make_epoch(&owner(), TODAY).unwrap();
    for name in
        ["982016.epoch-020001.key", "982016.epoch-20001.key.new", "982016.epoch-.key", "982016.epoch-1"]
    {
        fs::write(stage.path("epochs").join(name), "").unwrap();
    }
    for name in
        ["982016.root-0.key", "982016.root-+2.key", "982016.root-4294967296.key", "x982016.root-3.key"]
    {
        fs::write(stage.path("roots").join(name), "").unwrap();
    }
    assert_eq!(provider.epochs(&owner()).unwrap(), [TODAY]);
    assert_eq!(provider.roots(&owner()).unwrap(), [1]);
}

/// A destruction that was cut short leaves zeros: destroyed all the same, and the next attempt ends it.
#[test]
fn a_destruction_cut_short_is_a_destruction() {
    let stage = Stage::new();
    let provider = stage.provider();
    provider.make_epoch(&owner(), TODAY).unwrap();
    let wrapped = provider.wrap(&owner(), IDS, &key()).unwrap();
    let path = stage.path("epochs/982016.epoch-20000.key");
    fs::write(&path, [0; 65]).unwrap();
    assert!(matches!(provider.unwrap(&owner(), IDS, &wrapped), Err(ProviderError::Destroyed)));
    assert!(matches!(provider.make_epoch(&owner(), TODAY), Err(ProviderError::Destroyed)));
    assert_eq!(provider.epochs(&owner()).unwrap(), [TODAY], "still to be ended");
    provider.destroy_epoch(&owner(), TODAY).unwrap();
    assert!(!path.exists());
}

/// What a name was linked to holds zeros afterwards: the key was overwritten before the name went.
#[test]
fn a_key_is_overwritten_before_it_is_removed() {
    let stage = Stage::new();
    let provider = stage.provider();
    provider.make_epoch(&owner(), TODAY).unwrap();
    let other_name = stage.path("linked");
    fs::hard_link(stage.path("epochs/982016.epoch-20000.key"), &other_name).unwrap();
    provider.destroy_epoch(&owner(), TODAY).unwrap();
    assert_eq!(fs::read(&other_name).unwrap(), [0; 65]);
}

/// A folder that is not mounted is no proof that its keys were destroyed.
#[test]
fn without_their_folder_epochs_and_roots_are_missing_not_destroyed() {
    let stage = Stage::new();
    let provider = stage.provider();
    provider.make_epoch(&owner(), TODAY).unwrap();
    let wrapped = provider.wrap(&owner(), IDS, &key()).unwrap();
    for folder in ["epochs", "roots"] {
        fs::rename(stage.path(folder), stage.path("elsewhere")).unwrap();
        assert!(matches!(provider.unwrap(&owner(), IDS, &wrapped), Err(ProviderError::Missing)), "{folder}");
        fs::rename(stage.path("elsewhere"), stage.path(folder)).unwrap();
    }
    fs::rename(stage.path("roots"), stage.path("elsewhere")).unwrap();
    assert!(provider.make_root(&owner(), 2).is_err(), "nor is it covered by a new folder");
    assert!(!stage.path("roots").exists());
}
