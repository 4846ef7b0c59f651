//! Stored bytes that must not change without a new format version: files outlive the software that wrote them.

use std::fs;
use std::path::Path;

use chukei_store::{
    Batch, DataFolder, Entry, JournalOptions, Partition, RowKey, Space, SqliteOptions, StoreError,
};
use rusqlite::Connection;

#[tokio::test]
async fn journal_bytes_are_frozen() {
    let dir = tempfile::tempdir().unwrap();
    let options = JournalOptions { segment_bytes: 256, ..JournalOptions::default() };
    let (journal, _) = DataFolder::open(dir.path()).unwrap().journal(options).unwrap();
    let at_ms = 1_795_000_000_000;
    let partition = "982016".to_owned();
    let first = Entry { partition, kind: 3, at_ms, replay: Some([0xab; 16]), sealed: b"sealed".to_vec() };
    let second = Entry { replay: None, kind: 4, ..first.clone() };
    journal.append(first).await.unwrap();
    journal.append(second).await.unwrap();
    let bytes = fs::read(dir.path().join("journal/0000000000000001.seg")).unwrap();
    let lines: Vec<_> = bytes.chunks(32).map(|line| data_encoding::HEXLOWER.encode(line)).collect();
    let expected = [
        "4348554b45494a4c000000010000000000000001755edd9c0000000000000000",
        "0000000000000000000000000000000000000000000000000000000000000000",
        "00000032844af25b0000002e03000001a1ee565e000000000000000001ababab",
        "ababababababababababababab063938323031367365616c6564000000000000",
        "000000325386b26c0000002e04000001a1ee565e000000000000000002000000",
        "00000000000000000000000000063938323031367365616c6564000000000000",
    ];
    let (written, unwritten) = lines.split_at(expected.len());
    assert_eq!(written, expected);
    assert!(unwritten.iter().all(|line| line.bytes().all(|digit| digit == b'0')));
}

#[tokio::test]
async fn sqlite_layout_is_frozen() {
    let dir = tempfile::tempdir().unwrap();
    let engine = DataFolder::open(dir.path()).unwrap().sqlite(SqliteOptions::default());
    let partition = engine.open("982016").await.unwrap();
    let row = RowKey::new(Space::Outbox).bucket(0x0102).name(&[7; 32]).bytes(b"end");
    partition.apply(Batch::new().put(row, b"value".to_vec())).await.unwrap();
    drop(partition);

    let file = Connection::open(dir.path().join("bodies/982016.sqlite")).unwrap();
    let schema: Vec<_> = file
        .prepare("SELECT sql FROM sqlite_schema WHERE type = 'table' ORDER BY name")
        .unwrap()
        .query_map([], |row| row.get::<_, String>(0))
        .unwrap()
        .map(|sql| sql.unwrap().split_whitespace().collect::<Vec<_>>().join(" "))
        .collect();
    assert_eq!(
        schema,
        [
            "CREATE TABLE meta (name TEXT PRIMARY KEY, value ANY NOT NULL) STRICT, WITHOUT ROWID",
            "CREATE TABLE rows ( id INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE, version INTEGER NOT NULL, \
             value BLOB NOT NULL ) STRICT",
        ]
    );
    let pragma = |name| file.pragma_query_value(None, name, |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(pragma("application_id"), 0x4348_4b49);
    assert_eq!(pragma("user_version"), 2);
    assert_eq!(pragma("page_size"), 8192);
    assert_eq!(pragma("auto_vacuum"), 2, "incremental");
    let mode: String = file.pragma_query_value(None, "journal_mode", |row| row.get(0)).unwrap();
    assert_eq!(mode, "wal");
    let (key, version, value): (Vec<u8>, i64, Vec<u8>) =
        file.query_row("SELECT key, version, value FROM rows", [], |row| row.try_into()).unwrap();
    assert_eq!(key, [&[9, 0, 0, 0, 0, 0, 0, 1, 2][..], &[7; 32], b"end"].concat());
    assert_eq!((version, value), (1, b"value".to_vec()));
}

/// A file as format 1 had it, with two rows.
fn format_1(path: &Path) {
    let file = Connection::open(path).unwrap();
    file.execute_batch(
        "PRAGMA page_size = 8192; PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL;
         CREATE TABLE meta (name TEXT PRIMARY KEY, value ANY NOT NULL) STRICT, WITHOUT ROWID;
         CREATE TABLE rows (key BLOB PRIMARY KEY, version INTEGER NOT NULL, value BLOB NOT NULL)
             STRICT, WITHOUT ROWID;
         INSERT INTO meta VALUES ('versions', 1048576), ('partition', '982016');
         INSERT INTO rows VALUES (x'0502', 7, x'62'), (x'0501', 9, x'61');
         PRAGMA application_id = 0x43484b49; PRAGMA user_version = 1;",
    )
    .unwrap();
}

#[tokio::test]
async fn sqlite_a_file_of_format_1_is_migrated_with_all_it_holds() {
    let dir = tempfile::tempdir().unwrap();
    let folder = DataFolder::open(dir.path()).unwrap();
    format_1(&dir.path().join("bodies/982016.sqlite"));
    let engine = folder.sqlite(SqliteOptions::default());
    let read = async |partition: &dyn Partition| {
        let rows = partition.scan(&RowKey::new(Space::Document), None, 9).await.unwrap().rows;
        rows.into_iter().map(|(key, row)| (key.as_bytes()[1], row.version, row.value)).collect::<Vec<_>>()
    };
    for opened in 1..3 {
        let partition = engine.open("982016").await.unwrap();
        assert_eq!(partition.epoch(), opened);
        assert_eq!(read(&*partition).await, [(1, 9, b"a".to_vec()), (2, 7, b"b".to_vec())]);
    }
    let partition = engine.open("982016").await.unwrap();
    let row = RowKey::new(Space::Document).bytes(&[1]);
    partition.apply(Batch::new().put(row.clone(), vec![]).require_version(row, 9)).await.unwrap();
    assert!(
        read(&*partition).await[0].1 > 1_048_576,
        "versions go on behind those that format 1 had reserved"
    );
}

#[tokio::test]
async fn sqlite_a_file_of_format_1_of_another_body_is_refused_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let folder = DataFolder::open(dir.path()).unwrap();
    let path = dir.path().join("bodies/982024.sqlite");
    format_1(&path);
    let before = fs::read(&path).unwrap();
    let refused = folder.sqlite(SqliteOptions::default()).open("982024").await;
    assert!(matches!(refused, Err(StoreError::WrongPartition)));
    assert_eq!(fs::read(&path).unwrap(), before);
}

/// A space's number is in every key and in what sealed values are bound to.
#[test]
fn row_spaces_keep_their_numbers() {
    let numbered = [
        (Space::PersonByAddressee, 1),
        (Space::PersonByCode, 2),
        (Space::Person, 3),
        (Space::Page, 4),
        (Space::Document, 5),
        (Space::RecordId, 6),
        (Space::Notice, 7),
        (Space::NoticeTarget, 8),
        (Space::Outbox, 9),
        (Space::Expiry, 10),
        (Space::Erasure, 11),
        (Space::Register, 12),
        (Space::Act, 13),
        (Space::Review, 14),
        (Space::PortalUser, 16),
        (Space::PortalNotice, 17),
        (Space::PortalDelivery, 18),
        (Space::Meta, 32),
    ];
    for (space, number) in numbered {
        assert_eq!(space.code(), number);
        assert_eq!(RowKey::new(space).as_bytes(), [number]);
    }
}
