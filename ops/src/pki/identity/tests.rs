//! Both keys count between a rotation and its end; a crash at any step loses none.

use std::os::unix::fs::PermissionsExt;

use chukei_relay_client::peers::PeerList;

use super::*;

const NOW: u64 = 1_790_000_000_000;

struct Folder {
    _dir: tempfile::TempDir,
    pki: Pki,
}

fn body() -> IdentityHolder {
    IdentityHolder::Body("982016".parse().unwrap())
}

impl Folder {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let pki = Pki::init(&dir.path().join("pki"), NOW).unwrap();
        pki.issue_body("982016".parse().unwrap(), "海鳴市").unwrap();
        pki.issue_portal("mynaportal", &[], Validity::hop(NOW)).unwrap();
        pki.write_peers(Validity::peers(NOW)).unwrap();
        Self { _dir: dir, pki }
    }

    fn key(&self) -> Vec<u8> {
        read(&self.path()).unwrap().public_spki()
    }

    fn path(&self) -> PathBuf {
        self.pki.identity_path("body-982016")
    }

    fn rotate(&self) -> Result<RotationPaths, PkiError> {
        self.pki.rotate_identity(&body(), Validity::peers(NOW))
    }

    fn retire(&self) -> Result<PeersPaths, PkiError> {
        self.pki.retire_identity(&body(), Validity::peers(NOW))
    }

    /// What the signed list says of the body.
    fn listed(&self) -> Vec<Vec<u8>> {
        let (file, root) = (self.pki.path("peers.json"), self.pki.path("peer-root.pub"));
        let list = PeerList::load(&file, &root, NOW).unwrap();
        let peer = list.body(&"982016".parse().unwrap()).unwrap();
        peer.identities.iter().map(<[u8]>::to_vec).collect()
    }
}

#[test]
fn a_rotation_lists_the_new_identity_before_the_old_one_and_its_end_the_new_one_alone() {
    let folder = Folder::new();
    let old = folder.key();
    let paths = folder.rotate().unwrap();
    let new = folder.key();
    assert_eq!(paths.identity_key, folder.path());
    assert_eq!(read(&paths.former_key).unwrap().spki(), old);
    assert_eq!(folder.listed(), [new.clone(), old]);
    let mode = fs::metadata(&paths.former_key).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    folder.retire().unwrap();
    assert_eq!((folder.listed(), folder.key()), (vec![new.clone()], new));
    assert!(!paths.former_key.exists(), "the old key is gone");
}

#[test]
fn r25_a_second_rotation_waits_for_the_end_of_the_first() {
    let folder = Folder::new();
    assert!(matches!(folder.retire(), Err(PkiError::NothingToRetire)));
    folder.rotate().unwrap();
    let (key, listed) = (folder.key(), folder.listed());
    assert!(matches!(folder.rotate(), Err(PkiError::Rotating)));
    assert_eq!((folder.key(), folder.listed()), (key, listed));
    folder.retire().unwrap();
    assert!(matches!(folder.retire(), Err(PkiError::NothingToRetire)));
    folder.rotate().unwrap();
    assert_eq!(folder.listed().len(), 2);
}

#[test]
fn issuing_again_amid_a_rotation_keeps_both() {
    let folder = Folder::new();
    folder.rotate().unwrap();
    let listed = folder.listed();
    folder.pki.issue_body("982016".parse().unwrap(), "海鳴市").unwrap();
    folder.pki.write_peers(Validity::peers(NOW)).unwrap();
    assert_eq!(folder.listed(), listed);
}

#[test]
fn r25_a_rotation_cut_short_before_its_record_goes_on_with_the_key_it_has_made() {
    let folder = Folder::new();
    let old = folder.key();
    let record = fs::read(record_path(folder.pki.dir(), "body-982016")).unwrap();
    folder.rotate().unwrap();
    let new = folder.key();
    fs::write(record_path(folder.pki.dir(), "body-982016"), record).unwrap();
    folder.rotate().unwrap();
    assert_eq!(folder.listed(), [new, old.clone()]);
    assert_eq!(read(&former_path(&folder.path())).unwrap().spki(), old);
}

#[test]
fn a_retirement_cut_short_before_its_list_is_finished_by_the_next() {
    let folder = Folder::new();
    folder.rotate().unwrap();
    let former = fs::read(former_path(&folder.path())).unwrap();
    folder.retire().unwrap();
    fs::write(former_path(&folder.path()), former).unwrap();
    folder.retire().unwrap();
    assert!(!former_path(&folder.path()).exists());
}

#[test]
fn a_portal_rotates_too_and_a_name_never_becomes_another_file() {
    let folder = Folder::new();
    let v = Validity::peers(NOW);
    folder.pki.rotate_identity(&IdentityHolder::Portal("mynaportal".into()), v).unwrap();
    for name in ["", "../portal-mynaportal", "A"] {
        let refused = folder.pki.rotate_identity(&IdentityHolder::Portal(name.into()), v);
        assert!(matches!(refused, Err(PkiError::Name)), "{name}");
    }
    let unknown = folder.pki.rotate_identity(&IdentityHolder::Body("983012".parse().unwrap()), v);
    assert!(matches!(unknown, Err(PkiError::Io { .. })));
}
