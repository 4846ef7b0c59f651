//! Faults of real keyrings and providers, and the gate that they shut.

use std::path::{Path, PathBuf};

use chukei_keys::{FileProvider, KeyProvider, Owner};

use super::*;

struct Case {
    dir: tempfile::TempDir,
    file: KeyringFile,
}

fn case() -> Case {
    let dir = tempfile::tempdir().unwrap();
    let (roots, epochs) = (dir.path().join("roots"), dir.path().join("epochs"));
    std::fs::create_dir(&roots).unwrap();
    let provider = FileProvider::new(&roots, &epochs);
    provider.make_root(&owner(), 1).unwrap();
    let path = dir.path().join("keyring");
    let file = KeyringFile::create(&path, Arc::new(provider), &owner(), 20_000).unwrap();
    Case { dir, file }
}

fn owner() -> Owner {
    "982016".parse().unwrap()
}

impl Case {
    fn path(&self) -> PathBuf {
        self.dir.path().join("keyring")
    }

    fn cause(&self) -> Option<Cause> {
        // As `look`, on this thread.
        still_there(&self.file).and_then(|()| self.file.check()).err().map(|error| Fault::from(&error).cause)
    }
}

/// Takes a file or folder away, looks, and puts it back.
fn without(case: &Case, path: &Path) -> Option<Cause> {
    let away = case.dir.path().join("away");
    std::fs::rename(path, &away).unwrap();
    let cause = case.cause();
    std::fs::rename(&away, path).unwrap();
    assert_eq!(case.cause(), None, "what is back is used again");
    cause
}

#[test]
fn what_a_keyring_stands_on_is_missed_and_recognised_when_it_is_back() {
    let case = case();
    assert_eq!(case.cause(), None);
    let dir = case.dir.path();
    assert_eq!(without(&case, &case.path()), Some(Cause::Missing));
    assert_eq!(without(&case, &dir.join("epochs/982016.epoch-20000.key")), Some(Cause::Destroyed));
    assert_eq!(without(&case, &dir.join("epochs")), Some(Cause::Missing), "not mounted is not destroyed");
    let roots = without(&case, &dir.join("roots"));
    assert!(matches!(roots, Some(Cause::Provider | Cause::Missing)), "{roots:?}");
    assert!(case.file.snapshot().generation() > 0);
}

#[test]
fn a_keyring_that_is_older_cut_or_another_owners_is_told_from_one_that_is_gone() {
    let case = case();
    let first = std::fs::read(case.path()).unwrap();
    case.file.rotate_standing().unwrap();
    let second = std::fs::read(case.path()).unwrap();
    let put = |bytes: &[u8]| {
        std::fs::write(case.path(), bytes).unwrap();
        case.cause()
    };
    assert_eq!(put(&first), Some(Cause::Older));
    assert_eq!(put(&second[..second.len() - 1]), Some(Cause::Damaged));
    assert_eq!(put(&second[..7]), Some(Cause::Damaged));
    assert_eq!(put(b""), Some(Cause::Damaged));
    assert_eq!(put(b"another file"), Some(Cause::Damaged));
    assert_eq!(put(&second), None);
}

#[test]
fn a_root_or_epoch_destroyed_behind_our_back_shuts_although_another_is_there() {
    let case = case();
    let provider = case.file.provider();
    // A later epoch and a later root are there, but the keyring is not sealed under them.
    provider.make_epoch(&owner(), 20_001).unwrap();
    provider.make_root(&owner(), 2).unwrap();
    assert_eq!(case.cause(), None);
    provider.destroy_epoch(&owner(), 20_000).unwrap();
    assert_eq!(case.cause(), Some(Cause::Destroyed));
    case.file.turn_epoch(20_001, 7).unwrap();
    assert_eq!(case.cause(), None);
    provider.destroy_root(&owner(), 1).unwrap();
    assert_eq!(case.cause(), Some(Cause::Destroyed));
    case.file.rotate_root().unwrap();
    assert_eq!(case.cause(), None);
}

#[test]
fn a_gate_tells_changes_and_lets_nothing_through_while_shut() {
    let gate = Gate::shut_by(Fault::new(Cause::Opening, "not opened yet"));
    assert_eq!(gate.pass(), Err(Shut));
    assert!(gate.set(None));
    assert!(!gate.set(None));
    assert_eq!((gate.pass(), gate.fault()), (Ok(()), None));
    let fault = Fault::new(Cause::Provider, "no answer");
    assert!(gate.set(Some(fault.clone())));
    assert!(!gate.set(Some(fault)));
    assert_eq!(gate.pass(), Err(Shut));
    assert_eq!(gate.fault().unwrap().to_string(), "no answer (provider)");
}

#[test]
fn a_fault_of_writing_leaves_reads_and_every_other_leaves_nothing() {
    let gate = Gate::default();
    for cause in Cause::ALL {
        gate.set(Some(Fault::new(cause, "fault")));
        assert_eq!(gate.pass_to_write(), Err(Shut));
        let reads =
            [Cause::DiskFull, Cause::DiskReadOnly, Cause::DiskFailed, Cause::StoreCorrupt].contains(&cause);
        assert_eq!(gate.pass().is_ok(), reads, "{}", cause.as_str());
    }
    gate.set(None);
    assert_eq!(gate.pass_to_write(), Ok(()));
    let cause = |cause| {
        gate.shut(Fault::new(cause, "met"));
        gate.fault().unwrap().cause
    };
    assert_eq!(cause(Cause::DiskFull), Cause::DiskFull);
    assert_eq!(cause(Cause::DiskFailed), Cause::DiskFull, "as it was found first");
    assert_eq!(cause(Cause::Fenced), Cause::Fenced, "shut more tightly");
    assert_eq!(cause(Cause::DiskFull), Cause::Fenced);
}

#[tokio::test]
async fn a_look_that_hangs_shuts_the_gate_until_it_returns() {
    let gate = Gate::default();
    let (release, held) = tokio::sync::oneshot::channel::<()>();
    let told = std::sync::Mutex::new(Vec::new());
    let looking = look_within(
        Duration::from_millis(20),
        &gate,
        async move {
            let _ = held.await;
            None
        },
        || Fault::new(Cause::Provider, "no answer in time"),
        |fault| told.lock().unwrap().push(fault.map(|fault| fault.cause)),
    );
    let watching = async {
        while gate.pass().is_ok() {
            tokio::task::yield_now().await;
        }
        release.send(()).unwrap();
    };
    tokio::join!(looking, watching);
    assert_eq!(told.into_inner().unwrap(), [Some(Cause::Provider), None]);
    assert_eq!(gate.pass(), Ok(()));
}
