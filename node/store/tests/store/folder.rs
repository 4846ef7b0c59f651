//! Whose folder and whose file it is: what must be refused at opening.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

use chukei_store::{Batch, DataFolder, Engine, Partition, RowKey, Space, SqliteOptions, StoreError};
use rusqlite::Connection;

fn engine(dir: &Path) -> Arc<dyn Engine> {
    DataFolder::open(dir).unwrap().sqlite(SqliteOptions::default())
}

async fn open(dir: &Path) -> Result<Arc<dyn Partition>, StoreError> {
    engine(dir).open("982016").await
}

async fn refused(dir: &Path) -> StoreError {
    open(dir).await.map(|_| ()).unwrap_err()
}

async fn filled(dir: &Path) {
    let partition = open(dir).await.unwrap();
    let row = RowKey::new(Space::Document).name(&[1; 32]);
    partition.apply(Batch::new().put(row, vec![9; 5000])).await.unwrap();
}

#[tokio::test]
async fn sqlite_a_file_of_another_body_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path()).await;
    let bodies = dir.path().join("bodies");
    fs::rename(bodies.join("982016.sqlite"), bodies.join("982024.sqlite")).unwrap();
    assert!(matches!(engine(dir.path()).open("982024").await, Err(StoreError::WrongPartition)));
}

#[tokio::test]
async fn sqlite_a_newer_format_is_refused_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path()).await;
    let path = dir.path().join("bodies/982016.sqlite");
    Connection::open(&path).unwrap().pragma_update(None, "user_version", 3).unwrap();
    let before = fs::read(&path).unwrap();
    assert!(matches!(refused(dir.path()).await, StoreError::NewerFormat));
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[tokio::test]
async fn sqlite_a_file_that_is_not_ours_is_refused_and_left_alone() {
    for bytes in
        [b"not a database at all, but long enough to have a header of 100 bytes".repeat(4), vec![0; 8192]]
    {
        let dir = tempfile::tempdir().unwrap();
        filled(dir.path()).await;
        let path = dir.path().join("bodies/982016.sqlite");
        fs::write(&path, &bytes).unwrap();
        assert!(matches!(refused(dir.path()).await, StoreError::Corrupt));
        assert_eq!(fs::read(&path).unwrap(), bytes);
    }
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path()).await;
    let path = dir.path().join("bodies/982016.sqlite");
    fs::remove_file(&path).unwrap();
    Connection::open(&path).unwrap().execute_batch("CREATE TABLE other (x)").unwrap();
    assert!(matches!(refused(dir.path()).await, StoreError::Corrupt));
}

#[tokio::test]
async fn sqlite_a_half_created_file_is_completed() {
    let dir = tempfile::tempdir().unwrap();
    DataFolder::open(dir.path()).unwrap();
    fs::write(dir.path().join("bodies/982016.sqlite"), b"").unwrap();
    assert!(open(dir.path()).await.is_ok());
}

#[test]
fn folder_of_a_newer_format_or_without_sense_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    DataFolder::open(dir.path()).unwrap();
    let format = dir.path().join("format");
    assert_eq!(fs::read(&format).unwrap(), b"chukei-data 1\n");
    fs::write(&format, "chukei-data 2\n").unwrap();
    assert!(matches!(DataFolder::open(dir.path()), Err(StoreError::NewerFormat)));
    fs::write(&format, "something else\n").unwrap();
    assert!(matches!(DataFolder::open(dir.path()), Err(StoreError::Corrupt)));
}

#[tokio::test]
async fn folder_names_cannot_leave_the_folder() {
    let dir = tempfile::tempdir().unwrap();
    let folder = DataFolder::open(dir.path()).unwrap();
    let engine = folder.sqlite(SqliteOptions::default());
    for name in ["", "..", "a/b", "../982016", "A", "982016.sqlite", "a\0b", &"9".repeat(65)] {
        assert!(matches!(engine.open(name).await, Err(StoreError::BadName)), "{name}");
        assert!(matches!(folder.keyring_path(name), Err(StoreError::BadName)), "{name}");
    }
}

#[tokio::test]
async fn folder_is_readable_by_its_owner_alone() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("node");
    let _partition = open(&data).await.unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&data), 0o700);
    for file in ["982016.sqlite", "982016.sqlite-wal"] {
        assert_eq!(mode(&data.join("bodies").join(file)), 0o600, "{file}");
    }
}

#[tokio::test]
async fn folder_hands_out_one_partition_per_name_while_it_is_held() {
    let dir = tempfile::tempdir().unwrap();
    let engine = engine(dir.path());
    let first = engine.open("982016").await.unwrap();
    assert!(Arc::ptr_eq(&first, &engine.open("982016").await.unwrap()));
    assert!(!Arc::ptr_eq(&first, &engine.open("982024").await.unwrap()));
}

#[tokio::test]
async fn folder_stays_locked_until_its_last_partition_is_dropped() {
    let dir = tempfile::tempdir().unwrap();
    let partition = open(dir.path()).await.unwrap();
    assert!(matches!(DataFolder::open(dir.path()), Err(StoreError::Locked)));
    drop(partition);
    assert!(DataFolder::open(dir.path()).is_ok());
}

/// A second process is refused while the first has the folder open; the test starts itself again as the second.
#[test]
fn folder_is_refused_to_a_second_process() {
    const CHILD: &str = "CHUKEI_STORE_SECOND_PROCESS";
    if let Some(dir) = std::env::var_os(CHILD) {
        assert!(matches!(DataFolder::open(Path::new(&dir)), Err(StoreError::Locked)));
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let _folder = DataFolder::open(dir.path()).unwrap();
    let second = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "folder::folder_is_refused_to_a_second_process"])
        .env(CHILD, dir.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&second.stdout).into_owned();
    assert!(second.status.success() && said.contains("1 passed"), "{said}");
}
