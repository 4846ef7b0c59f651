//! The newest key that the list names is in use: not before the others can know it, and never after the list has
//! dropped it.

use super::*;
use crate::peers::Hex;

struct Folder {
    _dir: tempfile::TempDir,
    file: PathBuf,
}

impl Folder {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("body-982016.identity.key");
        Self { _dir: dir, file }
    }

    /// Writes a new key to `path` as a rotation does; its public half.
    fn write(&self, path: &Path) -> Vec<u8> {
        let pkcs8 = IdentityKey::generate_pkcs8().unwrap();
        let temporary = self.file.with_extension("new");
        std::fs::write(&temporary, &*key_file::text(&pkcs8)).unwrap();
        std::fs::rename(temporary, path).unwrap();
        IdentityKey::from_pkcs8(&pkcs8).unwrap().public_spki()
    }
}

fn listed(keys: &[&Vec<u8>]) -> Identities {
    keys.iter().map(|key| Hex((*key).clone())).collect::<Vec<_>>().try_into().unwrap()
}

fn settle(keys: &IdentityKeys) {
    let mut state = keys.state.lock().unwrap();
    state.waiting = state.waiting.map(|since| since.checked_sub(SETTLING).unwrap());
}

#[test]
fn a_new_key_is_used_once_it_is_listed_and_the_others_had_time() {
    let folder = Folder::new();
    let old = folder.write(&folder.file);
    let keys = IdentityKeys::open(folder.file.clone()).unwrap();
    let new = folder.write(&folder.file);
    assert!(!keys.refresh(Some(&listed(&[&old]))));
    assert_eq!(keys.current().spki(), old, "not listed yet");
    let both = listed(&[&new, &old]);
    assert!(!keys.refresh(Some(&both)));
    assert_eq!(keys.current().spki(), old, "the others may not know it yet");
    settle(&keys);
    assert!(keys.refresh(Some(&both)));
    assert_eq!(keys.current().spki(), new);
    assert!(!keys.refresh(Some(&listed(&[&new]))));
    assert_eq!(keys.current().spki(), new);
}

#[test]
fn a_key_that_the_list_dropped_is_given_up_at_once() {
    let folder = Folder::new();
    let old = folder.write(&folder.file);
    let keys = IdentityKeys::open(folder.file.clone()).unwrap();
    let new = folder.write(&folder.file);
    assert!(keys.refresh(Some(&listed(&[&new]))), "the old one is not listed");
    assert_eq!(keys.current().spki(), new);
    assert_ne!(new, old);
}

#[test]
fn a_list_without_any_key_held_changes_nothing_here() {
    let folder = Folder::new();
    let own = folder.write(&folder.file);
    let keys = IdentityKeys::open(folder.file.clone()).unwrap();
    assert!(!keys.refresh(None));
    assert!(!keys.refresh(Some(&Identities::one(vec![1; 91]))));
    assert_eq!(keys.current().spki(), own);
}

#[test]
fn a_role_that_starts_amid_a_rotation_uses_the_newest_key_the_list_names() {
    let folder = Folder::new();
    let former = folder.write(&former_path(&folder.file));
    let new = folder.write(&folder.file);
    for (list, expected) in [(vec![&former], &former), (vec![&new, &former], &new), (vec![&new], &new)] {
        let keys = IdentityKeys::open(folder.file.clone()).unwrap();
        keys.choose(Some(&listed(&list)));
        assert_eq!(keys.current().spki(), expected);
    }
}

#[test]
fn a_file_that_holds_no_identity_key_is_refused_at_the_start_and_ignored_later() {
    let folder = Folder::new();
    assert!(matches!(IdentityKeys::open(folder.file.clone()), Err(IdentityKeyError::File(_))));
    std::fs::write(&folder.file, "00").unwrap();
    assert!(matches!(IdentityKeys::open(folder.file.clone()), Err(IdentityKeyError::Key(_))));
    let own = folder.write(&folder.file);
    let keys = IdentityKeys::open(folder.file.clone()).unwrap();
    std::fs::write(&folder.file, "00").unwrap();
    assert!(!keys.refresh(Some(&listed(&[&vec![7; 91], &own]))));
    assert_eq!(keys.current().spki(), own);
    let new = folder.write(&folder.file);
    assert!(keys.refresh(Some(&listed(&[&new]))), "mended");
}
