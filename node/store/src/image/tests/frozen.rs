//! The bytes of format 1. A change here is a new format, never an edit.

use chukei_crypto::hash::sha256;
use data_encoding::HEXLOWER;

use super::*;
use crate::image::format::{self, Content};

const ROWS: &str = "4300000000\
    0003030102000000000000000700000004deadbeef\
    0001200000000000000003fffffffe";
const DIFFERENCES: &str = "4400000001000106\
    0000000000000000ffffffff";
/// SHA-256 of the manifest below.
const MANIFEST: &str = "3aa6ff18f113c26e3e9b14b65fd0471921f113e3837cedde7fe4fe84f2b3da12";
const JOURNAL: &str = "0000000000000002000001a1ee565e0203\
    07070707070707070707070707070707\
    0000000402020202";

fn record(key: &[u8], version: u64, content: Content) -> Record {
    Record { key: RowKey::from_stored(key.to_vec()), version, content }
}

#[test]
fn chunks_of_rows_have_these_bytes() {
    let rows = [
        record(&[3, 1, 2], 7, Content::Value(vec![0xde, 0xad, 0xbe, 0xef])),
        record(&[32], 3, Content::Kept),
    ];
    let gone = record(&[6], 0, Content::Deleted);
    let mut builder = ChunkBuilder::default();
    assert_eq!(builder.record(Section::Complete(0), &rows[0]), None);
    assert_eq!(builder.record(Section::Complete(0), &rows[1]), None);
    let first = builder.record(Section::Differences(1), &gone).unwrap();
    let second = builder.finish().unwrap();
    assert_eq!(HEXLOWER.encode(&first.payload), ROWS);
    assert_eq!(HEXLOWER.encode(&second.payload), DIFFERENCES);
    assert_eq!(first.sum.sha256, sha256(&first.payload));
    assert_eq!(format::records(&first.payload).unwrap(), (Section::Complete(0), rows.to_vec()));
    assert_eq!(format::records(&second.payload).unwrap(), (Section::Differences(1), vec![gone]));
}

#[test]
fn chunks_of_the_journal_have_these_bytes() {
    let mut one = entry(2);
    one.sealed.truncate(4);
    let mut builder = ChunkBuilder::default();
    assert_eq!(builder.entry(&one), None);
    let chunk = builder.finish().unwrap();
    assert_eq!(HEXLOWER.encode(&chunk.payload), JOURNAL);
    assert_eq!(format::entries(&chunk.payload).unwrap(), vec![one]);
}

#[test]
fn a_manifest_has_these_bytes() {
    let sum = ChunkSum { bytes: 5, sha256: [0xcc; 32] };
    let manifest = Manifest {
        format: 1,
        body: "982016".to_owned(),
        engine: "sqlite".to_owned(),
        created_ms: 1_795_000_000_000,
        base: Some(Base { id: [0xaa; 32], newest: 4, last_number: 9 }),
        lineage: [0xbb; 16],
        newest: 7,
        owner_epoch: 3,
        rows: FileSums { chunks: vec![sum] },
        spaces: vec![SpaceCount { space: 3, values: 1, kept: 2, deleted: 0 }],
        journal: FileSums::default(),
        journal_span: JournalSpan { first: 10, last: 9 },
        keyring: KeyringNeed { generation: 12, root: 1, epoch: 20_778 },
        pause_us: 1_500,
    };
    assert_eq!(HEXLOWER.encode(&sha256(&manifest.to_bytes().unwrap())), MANIFEST);
}

/// A file of ours begins so, and a chunk is framed so.
#[tokio::test]
async fn sqlite_files_have_this_frame() {
    let stage = Stage::new();
    let observed = stage.observed().await;
    fill(&*observed, 0..1, 1).await;
    let backup = stage.backup(&observed, "one", None).await;
    let rows = bytes_of(backup.folder(), "rows.img");
    assert_eq!(rows[..15], *b"chukei-image\0\x01R");
    assert_eq!(bytes_of(backup.folder(), "journal.img")[..15], *b"chukei-image\0\x01J");
    let sum = backup.manifest().rows.chunks[0];
    assert_eq!(rows[15..19], sum.bytes.to_be_bytes());
    assert_eq!(rows[19..51], sum.sha256);
    assert_eq!(sha256(&rows[51..]), sum.sha256);
}
