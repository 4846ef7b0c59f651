//! sled's directories: what is refused at opening, what is mended, and what stops the writing.

use std::fs;

use chukei_store::{
    DataFolder, EngineKind, RowKey, SledOptions, Space, SqliteOptions, StoreError, WriteFault,
};

use crate::stage::{BODY, Stage, all, put, value};

async fn filled() -> Stage {
    let stage = Stage::embedded(EngineKind::Sled);
    let partition = stage.open().await;
    let row = RowKey::new(Space::Document).name(&[1; 32]);
    partition.apply(put(b"a", b"1").put(row, vec![9; 50_000])).await.unwrap();
    stage
}

async fn refused(stage: &Stage) -> StoreError {
    stage.engine().await.open(BODY).await.map(|_| ()).unwrap_err()
}

/// Every file of the body with its bytes.
fn files(stage: &Stage) -> Vec<(String, Vec<u8>)> {
    let entries = fs::read_dir(stage.body(BODY)).unwrap().map(Result::unwrap);
    let files = entries.filter(|entry| entry.file_type().unwrap().is_file());
    let mut files: Vec<_> =
        files.map(|file| (file.file_name().into_string().unwrap(), fs::read(file.path()).unwrap())).collect();
    files.sort();
    files
}

#[tokio::test]
async fn sled_conformance_a_newer_format_is_refused_and_left_alone() {
    let stage = filled().await;
    fs::write(stage.body(BODY).join("format"), "chukei-sled 2\n").unwrap();
    let before = files(&stage);
    assert!(matches!(refused(&stage).await, StoreError::NewerFormat));
    assert_eq!(files(&stage), before);
}

#[tokio::test]
async fn sled_conformance_a_directory_that_is_not_ours_is_refused_and_left_alone() {
    for format in [None, Some("something else\n"), Some("chukei-sled 0\n"), Some("")] {
        let stage = filled().await;
        let path = stage.body(BODY).join("format");
        match format {
            Some(format) => fs::write(path, format).unwrap(),
            None => fs::remove_file(path).unwrap(),
        }
        let before = files(&stage);
        assert!(matches!(refused(&stage).await, StoreError::Corrupt), "{format:?}");
        assert_eq!(files(&stage), before);
    }
}

#[tokio::test]
async fn sled_conformance_a_directory_of_another_body_is_refused() {
    let stage = filled().await;
    fs::rename(stage.body(BODY), stage.body("982024")).unwrap();
    assert!(matches!(stage.engine().await.open("982024").await, Err(StoreError::WrongPartition)));
}

#[tokio::test]
async fn sled_conformance_rows_of_another_engine_are_refused() {
    for (kind, other) in [(EngineKind::Sled, EngineKind::Sqlite), (EngineKind::Sqlite, EngineKind::Sled)] {
        let stage = Stage::embedded(kind);
        stage.open().await.apply(put(b"a", b"1")).await.unwrap();
        let folder = DataFolder::open(stage.path()).unwrap();
        let others = match other {
            EngineKind::Sled => folder.sled(SledOptions::default()),
            _ => folder.sqlite(SqliteOptions::default()),
        };
        drop(folder);
        assert!(matches!(others.open(BODY).await, Err(StoreError::OtherEngine)), "{other}");
        drop(others);
        assert_eq!(value(&*stage.open().await, b"a").await, Some(b"1".to_vec()));
    }
}

#[tokio::test]
async fn sled_conformance_a_snapshot_that_was_not_finished_is_removed() {
    let stage = filled().await;
    let snapshots = || fs::read_dir(stage.body(BODY)).unwrap().map(|entry| entry.unwrap().file_name());
    let snapshots =
        || snapshots().map(|name| name.into_string().unwrap()).filter(|name| name.starts_with("snap."));
    fs::write(stage.body(BODY).join("snap.FFFFFFFFFFFFFFFF.generating"), b"torn").unwrap();
    assert_eq!(value(&*stage.open().await, b"a").await, Some(b"1".to_vec()));
    assert!(snapshots().all(|name| !name.ends_with(".generating")));
}

#[tokio::test]
async fn sled_conformance_a_directory_that_was_not_finished_is_made_anew() {
    let stage = Stage::embedded(EngineKind::Sled);
    drop(stage.engine().await);
    let unfinished = stage.path().join("bodies").join(format!("{BODY}.sled.new"));
    fs::create_dir_all(unfinished.join("blobs")).unwrap();
    fs::write(unfinished.join("conf"), b"torn").unwrap();
    let partition = stage.open().await;
    partition.apply(put(b"a", b"1")).await.unwrap();
    assert_eq!(partition.count(&all()).await.unwrap(), 1);
    assert!(!unfinished.exists());
}

/// sled syncs nothing that lies in `blobs/`: what would need it is not acknowledged.
#[tokio::test]
async fn sled_conformance_a_file_that_sled_does_not_sync_stops_the_writing() {
    let stage = filled().await;
    let partition = stage.open().await;
    let blob = stage.body(BODY).join("blobs").join("1");
    fs::write(&blob, b"").unwrap();
    assert!(matches!(partition.apply(put(b"a", b"2")).await, Err(StoreError::Stopped)));
    assert_eq!(partition.fault(), Some(WriteFault::Disk));
    assert_eq!(value(&*partition, b"a").await, Some(b"1".to_vec()), "reads go on as before");
    assert!(matches!(partition.apply(put(b"a", b"3")).await, Err(StoreError::Stopped)));
    assert!(stage.body(BODY).join("suspect").exists());

    fs::remove_file(&blob).unwrap();
    assert_eq!(partition.recover().await, None);
    assert!(!stage.body(BODY).join("suspect").exists());
    let after = value(&*partition, b"a").await;
    assert!(after == Some(b"1".to_vec()) || after == Some(b"2".to_vec()), "wholly or not at all: {after:?}");
    partition.apply(put(b"a", b"4")).await.unwrap();
    drop(partition);
    assert_eq!(value(&*stage.open().await, b"a").await, Some(b"4".to_vec()));
}

/// sled takes a damaged message in the newer part of its log for one that was never written.
#[tokio::test]
async fn sled_conformance_rows_that_sled_has_lost_are_missed_at_the_opening() {
    for length in [500, 50_000] {
        let stage = Stage::embedded(EngineKind::Sled);
        let partition = stage.open().await;
        partition.apply(put(b"a", b"1")).await.unwrap();
        partition.apply(put(b"b", &vec![9; length])).await.unwrap();
        drop(partition);
        let partition = stage.open().await;
        partition.apply(put(b"b", &vec![8; length])).await.unwrap();
        // Far enough behind it that the damage is not at the end of the log, where it would be a torn write.
        for i in 0..6u8 {
            partition.apply(put(&[b'c', i], &vec![i; 500_000])).await.unwrap();
        }
        drop(partition);
        let log = stage.body(BODY).join("db");
        let mut bytes = fs::read(&log).unwrap();
        // Every copy that there is, each where it begins.
        let places: Vec<_> = bytes
            .windows(401)
            .enumerate()
            .filter(|(_, window)| window[0] != 8 && window[1..] == [8; 400])
            .map(|(at, _)| at + 1)
            .collect();
        assert!(!places.is_empty());
        places.into_iter().for_each(|at| bytes[at] ^= 1);
        fs::write(&log, bytes).unwrap();
        assert!(matches!(refused(&stage).await, StoreError::Corrupt), "{length}");
    }
}
