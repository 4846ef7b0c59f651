//! The journal through real files: order, recovery, and what it refuses to read past.

use std::fs;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use chukei_store::journal::MAX_SEALED_BYTES;
use chukei_store::{Entry, Journal, JournalEntry, JournalError, JournalOptions, Recovered, Slack};

/// Small segments, so that a few entries make several, which stay.
fn small() -> JournalOptions {
    JournalOptions { segment_bytes: 4096, derive_segments: usize::MAX, ..JournalOptions::default() }
}

fn open(dir: &Path) -> (Journal, Recovered) {
    Journal::open(dir, small()).unwrap()
}

fn entry(partition: &str, sealed: &[u8]) -> Entry {
    Entry { partition: partition.to_owned(), kind: 3, at_ms: 1_000, replay: None, sealed: sealed.to_vec() }
}

fn contents(journal: &Journal, partition: &str) -> Vec<Vec<u8>> {
    journal.read(partition, 1).map(|entry| entry.unwrap().sealed).collect()
}

fn segment(dir: &Path, number: u64) -> PathBuf {
    dir.join(format!("{number:016x}.seg"))
}

/// Acknowledged one by one: each is a block of its own.
async fn fill(journal: &Journal, partition: &str, entries: std::ops::Range<u64>) {
    for i in entries {
        journal.append(entry(partition, &content(i))).await.unwrap();
    }
}

fn content(i: u64) -> Vec<u8> {
    format!("entry {i} ").into_bytes().repeat(8)
}

#[tokio::test]
async fn journal_numbers_each_partition_without_a_gap_over_restarts_and_segments() {
    let dir = tempfile::tempdir().unwrap();
    for round in 0..4u64 {
        let (journal, recovered) = open(dir.path());
        assert_eq!(recovered, Recovered { entries: round * 60, torn_bytes: 0 });
        for i in 1..=30 {
            let number = round * 30 + i;
            assert_eq!(journal.append(entry("982016", &content(number))).await.unwrap(), number);
            assert_eq!(journal.append(entry("982024", b"other")).await.unwrap(), number);
        }
    }
    assert!(segment(dir.path(), 3).exists(), "several segments");
    let (journal, _) = open(dir.path());
    let read: Vec<JournalEntry> = journal.read("982016", 0).map(Result::unwrap).collect();
    let expected: Vec<JournalEntry> = (1..=120)
        .map(|seq| JournalEntry { seq, at_ms: 1_000, kind: 3, replay: None, sealed: content(seq) })
        .collect();
    assert_eq!(read, expected);
    let from: Vec<u64> = journal.read("982016", 77).map(|entry| entry.unwrap().seq).collect();
    assert_eq!(from, (77..=120).collect::<Vec<_>>());
    assert_eq!(journal.read("982016", 121).count(), 0);
    assert_eq!(journal.read("983012", 1).count(), 0);
    assert_eq!((journal.last_number("982016"), journal.last_number("983012")), (120, 0));
}

#[tokio::test]
async fn journal_seals_with_the_number_that_the_entry_gets() {
    let dir = tempfile::tempdir().unwrap();
    let (journal, _) = open(dir.path());
    let sealing = |number: u64| Ok::<_, JournalError>(number.to_be_bytes().to_vec());
    let first = journal.append_sealed_with("982016", 1, 5, Some([7; 16]), Slack::NONE, sealing);
    let fails = journal.append_sealed_with("982016", 1, 5, None, Slack::NONE, |number| {
        assert_eq!(number, 2);
        Err("no key")
    });
    let second = journal.append_sealed_with("982016", 1, 5, None, Slack::NONE, sealing);
    assert_eq!(first.await.unwrap(), 1);
    assert!(matches!(fails.await, Err(JournalError::Seal(_))));
    assert_eq!(second.await.unwrap(), 2, "a failed sealing uses up no number");
    assert_eq!(contents(&journal, "982016"), [1u64.to_be_bytes(), 2u64.to_be_bytes()]);
    assert_eq!(journal.read("982016", 1).next().unwrap().unwrap().replay, Some([7; 16]));
}

#[test]
fn journal_many_writers_get_unbroken_numbers_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let synced = Arc::new(Mutex::new(0));
    let counter = Arc::clone(&synced);
    let observer: chukei_store::journal::SyncObserver = Arc::new(move |report| {
        assert!(report.seconds >= 0.0 && report.entries > 0);
        *counter.lock().unwrap() += report.entries;
    });
    let options = JournalOptions { observer: Some(observer), ..small() };
    let (journal, _) = Journal::open(dir.path(), options).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
                let queued: Vec<_> = (0..200)
                    .map(|_| {
                        journal.append_sealed_with("982016", 1, 5, None, Slack::NONE, |number| {
                            Ok::<_, JournalError>(number.to_be_bytes().to_vec())
                        })
                    })
                    .collect();
                let numbers = queued.into_iter().map(|one| runtime.block_on(one).unwrap());
                assert!(numbers.collect::<Vec<_>>().is_sorted_by(|a, b| a < b));
            });
        }
    });
    assert_eq!(*synced.lock().unwrap(), 800);
    drop(journal);
    let read = contents(&open(dir.path()).0, "982016");
    assert_eq!(read, (1..=800u64).map(|number| number.to_be_bytes().to_vec()).collect::<Vec<_>>());
}

#[tokio::test]
async fn journal_gives_back_the_replay_ids_of_a_window() {
    let dir = tempfile::tempdir().unwrap();
    let (journal, _) = open(dir.path());
    for i in 1..=40u8 {
        let replay = (i % 2 == 0).then_some([i; 16]);
        let entry = Entry { at_ms: u64::from(i) * 100, replay, ..entry("982016", &content(1)) };
        journal.append(entry).await.unwrap();
    }
    drop(journal);
    let (journal, _) = open(dir.path());
    let expected: Vec<_> = (15..=20u8).map(|i| ([i * 2; 16], u64::from(i) * 200)).collect();
    assert_eq!(journal.replay_ids(3_000).unwrap(), expected);
    assert_eq!(journal.replay_ids(0).unwrap().len(), 20);
    assert!(journal.replay_ids(4_001).unwrap().is_empty());
}

#[tokio::test]
async fn journal_takes_entries_larger_than_a_segment_up_to_the_limit() {
    let dir = tempfile::tempdir().unwrap();
    let (journal, _) = open(dir.path());
    let large: Vec<u8> = (0..MAX_SEALED_BYTES).map(|i| i as u8).collect();
    journal.append(entry("982016", b"before")).await.unwrap();
    journal.append(entry("982016", &large)).await.unwrap();
    journal.append(entry("982016", b"after")).await.unwrap();
    let too_large = journal.append(entry("982016", &vec![0; MAX_SEALED_BYTES + 1])).await;
    assert!(matches!(too_large, Err(JournalError::TooLarge)));
    drop(journal);
    let (journal, recovered) = open(dir.path());
    assert_eq!(recovered, Recovered { entries: 3, torn_bytes: 0 });
    assert_eq!(contents(&journal, "982016"), [b"before".to_vec(), large, b"after".to_vec()]);
}

#[tokio::test]
async fn journal_a_second_opening_is_refused_while_it_is_open() {
    let dir = tempfile::tempdir().unwrap();
    let (journal, _) = open(dir.path());
    assert!(matches!(Journal::open(dir.path(), small()), Err(JournalError::Locked)));
    drop(journal);
    assert!(Journal::open(dir.path(), small()).is_ok());
    let (journal, _) = open(dir.path());
    assert!(matches!(journal.append(entry("../x", b"")).await, Err(JournalError::BadName)));
}

/// The tail is cut at every byte, and garbled at every byte: what was there before always survives, and the
/// journal goes on with the next number.
#[tokio::test]
async fn journal_heals_a_torn_tail_wherever_it_was_torn() {
    let dir = tempfile::tempdir().unwrap();
    let (journal, _) = open(dir.path());
    fill(&journal, "982016", 1..4).await;
    drop(journal);
    let path = segment(dir.path(), 1);
    let whole = fs::read(&path).unwrap();
    let written = whole.iter().rposition(|byte| *byte != 0).unwrap() + 1;
    let block = (written - 64).div_ceil(3).next_multiple_of(8);
    let last = 64 + 2 * block;
    for at in last..written {
        let mut cut = whole.clone();
        cut[at..].fill(0);
        let mut truncated = whole.clone();
        truncated.truncate(at);
        let mut garbled = whole.clone();
        garbled[at] ^= 0xff;
        for damaged in [cut, truncated, garbled] {
            for later in [2, 3] {
                let _ = fs::remove_file(segment(dir.path(), later));
            }
            fs::write(&path, &damaged).unwrap();
            let (journal, recovered) = open(dir.path());
            assert_eq!(recovered.entries, 2, "torn at {at}");
            assert_eq!(contents(&journal, "982016"), [content(1), content(2)]);
            assert_eq!(journal.append(entry("982016", b"next")).await.unwrap(), 3);
            drop(journal);
            let (journal, recovered) = open(dir.path());
            assert_eq!(recovered, Recovered { entries: 3, torn_bytes: 0 });
            assert_eq!(contents(&journal, "982016")[2], b"next");
        }
    }
}

/// One changed byte anywhere in what was acknowledged before the last block is damage, never a torn tail.
#[tokio::test]
async fn journal_damage_in_the_middle_is_reported_and_nothing_is_cut() {
    let dir = tempfile::tempdir().unwrap();
    let (journal, _) = open(dir.path());
    fill(&journal, "982016", 1..4).await;
    drop(journal);
    let path = segment(dir.path(), 1);
    let whole = fs::read(&path).unwrap();
    let written = whole.iter().rposition(|byte| *byte != 0).unwrap() + 1;
    let block = (written - 64).div_ceil(3).next_multiple_of(8);
    for at in (0..28).chain(64..64 + 2 * block) {
        // The last bytes of a block only pad it.
        if (at - at.min(64)) % block >= (written - 64) - 2 * block {
            continue;
        }
        for change in [0x01, 0x80, whole[at]] {
            let mut damaged = whole.clone();
            damaged[at] ^= change;
            if damaged == whole {
                continue;
            }
            fs::write(&path, &damaged).unwrap();
            let outcome = Journal::open(dir.path(), small()).map(|_| ());
            assert!(
                matches!(outcome, Err(JournalError::Corrupt { segment: 1, .. })),
                "changed at {at}: {outcome:?}"
            );
            assert_eq!(fs::read(&path).unwrap(), damaged);
        }
    }
}

#[tokio::test]
async fn journal_damage_in_an_older_segment_or_a_missing_one_is_reported() {
    let dir = tempfile::tempdir().unwrap();
    let (journal, _) = open(dir.path());
    fill(&journal, "982016", 1..150).await;
    drop(journal);
    let path = segment(dir.path(), 2);
    let whole = fs::read(&path).unwrap();
    let written = whole.iter().rposition(|byte| *byte != 0).unwrap();
    let mut damaged = whole.clone();
    damaged[written] ^= 1;
    fs::write(&path, &damaged).unwrap();
    // Opening does not read it while there is a summary of it; reading does.
    let summary = dir.path().join(format!("{:016x}.sum", 2));
    if summary.exists() {
        let (journal, _) = open(dir.path());
        let read: Vec<_> = journal.read("982016", 1).collect();
        assert!(matches!(read.last(), Some(Err(JournalError::Corrupt { segment: 2, .. }))));
        drop(journal);
        fs::remove_file(summary).unwrap();
    }
    let outcome = Journal::open(dir.path(), small()).map(|_| ());
    assert!(matches!(outcome, Err(JournalError::Corrupt { segment: 2, .. })), "even in its last block");
    for number in [1, 2] {
        let path = segment(dir.path(), number);
        let bytes = fs::read(&path).unwrap();
        fs::remove_file(&path).unwrap();
        let outcome = Journal::open(dir.path(), small()).map(|_| ());
        assert!(matches!(outcome, Err(JournalError::Corrupt { segment, .. }) if segment == number));
        fs::write(&path, bytes).unwrap();
    }
    fs::write(&path, whole).unwrap();
    assert_eq!(contents(&open(dir.path()).0, "982016").len(), 149);
}

#[tokio::test]
async fn journal_damage_while_it_is_open_is_reported_by_the_reader() {
    let dir = tempfile::tempdir().unwrap();
    let (journal, _) = open(dir.path());
    fill(&journal, "982016", 1..4).await;
    let file = fs::OpenOptions::new().write(true).open(segment(dir.path(), 1)).unwrap();
    file.write_all_at(&[0xff], 64 + 8 + 60).unwrap();
    let read: Vec<_> = journal.read("982016", 1).collect();
    assert!(matches!(read.as_slice(), [Err(JournalError::Corrupt { segment: 1, offset: 64 })]));
    assert!(matches!(journal.replay_ids(0), Err(JournalError::Corrupt { .. })));
}

/// A new segment exists before its header does: a crash in between must not stop the next opening.
#[tokio::test]
async fn journal_a_segment_that_was_never_begun_is_begun_anew() {
    for unborn in [vec![], vec![0; 10], vec![0; 4096], [b"CHUKEIJL".to_vec(), vec![0; 4088]].concat()] {
        let dir = tempfile::tempdir().unwrap();
        let (journal, _) = open(dir.path());
        fill(&journal, "982016", 1..3).await;
        drop(journal);
        fs::write(segment(dir.path(), 2), &unborn).unwrap();
        let (journal, recovered) = open(dir.path());
        assert_eq!(recovered, Recovered { entries: 2, torn_bytes: 0 });
        fill(&journal, "982016", 3..100).await;
        drop(journal);
        assert_eq!(contents(&open(dir.path()).0, "982016").len(), 99);
    }
}

#[tokio::test]
async fn journal_of_a_newer_format_is_refused_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let (journal, _) = open(dir.path());
    fill(&journal, "982016", 1..3).await;
    drop(journal);
    let path = segment(dir.path(), 1);
    let mut bytes = fs::read(&path).unwrap();
    bytes[11] = 2;
    let sum = crc32fast::hash(&bytes[..20]).to_be_bytes();
    bytes[20..24].copy_from_slice(&sum);
    fs::write(&path, &bytes).unwrap();
    assert!(matches!(Journal::open(dir.path(), small()), Err(JournalError::NewerFormat)));
    assert_eq!(fs::read(&path).unwrap(), bytes);
}

/// Only one block is ever unsynced: more garbage than that is damage, even with nothing good behind it.
#[tokio::test]
async fn journal_more_garbage_than_one_torn_write_explains_is_damage() {
    let large = JournalOptions { segment_bytes: 4 << 20, ..JournalOptions::default() };
    for (garbage, healed) in [(MAX_SEALED_BYTES, true), (MAX_SEALED_BYTES + 8192, false)] {
        let dir = tempfile::tempdir().unwrap();
        let (journal, _) = Journal::open(dir.path(), large.clone()).unwrap();
        fill(&journal, "982016", 1..2).await;
        drop(journal);
        let file = fs::OpenOptions::new().write(true).open(segment(dir.path(), 1)).unwrap();
        file.write_all_at(&vec![0x55; garbage], 64 + 120).unwrap();
        match Journal::open(dir.path(), large.clone()) {
            Ok((_, recovered)) => {
                assert!(healed);
                assert_eq!(recovered, Recovered { entries: 1, torn_bytes: garbage as u64 });
            }
            Err(JournalError::Corrupt { segment: 1, offset: 184 }) => assert!(!healed),
            Err(other) => panic!("{other}"),
        }
    }
}
