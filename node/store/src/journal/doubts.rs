//! Tests: disks that do what they were asked and say that they did not, and segments that are damaged before they were
//! summed up.

use std::os::unix::fs::FileExt;
use std::time::{Duration, Instant};

use super::segment::{self, HEADER_BYTES};
use super::tests::{Faulty, append, count};
use super::{GivenUp, Journal, JournalEntry, JournalError, JournalOptions, JournalStatus, hold, recover};

/// Longer than anything here takes that comes at all.
const LONG: Duration = Duration::from_secs(30);

/// Nothing is derived unless it is asked for.
fn options() -> JournalOptions {
    JournalOptions { segment_bytes: 4096, derive_segments: usize::MAX, ..JournalOptions::default() }
}

/// A journal with entries in a log already, and more in a segment that takes no more of them; how many.
async fn half_derived(journal: &Journal) -> u64 {
    let mut last = 0;
    for derived in [false, true] {
        while journal.status().unwrap().segments < 2 {
            last = append(journal, 100).await.unwrap();
        }
        if !derived {
            assert!(journal.derive().unwrap() > 0);
        }
    }
    last
}

/// The checkpoint lies there, and nobody was told that it does: what it speaks of must not be touched before it is
/// known which one counts.
#[tokio::test]
async fn journal_a_checkpoint_of_unknown_outcome_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let disk = Faulty::default();
    let (journal, _) = Journal::open_on(dir.path(), options(), disk.clone()).unwrap();
    let last = half_derived(&journal).await;
    disk.set(|faults| faults.replaced_fails = true);
    assert!(journal.derive().is_err());
    disk.set(|faults| faults.write_fails = true);
    assert!(journal.derive().is_err());
    drop(journal);
    let (journal, _) = Journal::open(dir.path(), options()).unwrap();
    assert_eq!(count(&journal), last);
    assert_eq!(append(&journal, 1).await.unwrap(), last + 1);
}

/// After a failure nothing was put back, whatever the disk holds: what is appended then is there after the next opening.
#[tokio::test]
async fn journal_an_import_of_unknown_outcome_is_none_and_in_nobodys_way() {
    let dir = tempfile::tempdir().unwrap();
    let disk = Faulty::default();
    let (journal, _) = Journal::open_on(dir.path(), options(), disk.clone()).unwrap();
    let sealed = |number: u64| number.to_be_bytes().to_vec();
    let entries =
        || (5..=30).map(|seq| Ok(JournalEntry { seq, at_ms: 1, kind: 1, replay: None, sealed: sealed(seq) }));
    disk.set(|faults| faults.replaced_fails = true);
    assert!(journal.import("982016", entries(), GivenUp::NotRestored).is_err());
    assert!(
        matches!(append(&journal, 1).await, Err(JournalError::Failed)),
        "either number might be the wrong one"
    );
    disk.set(|faults| faults.replaced_fails = false);
    let began = Instant::now();
    let first = loop {
        match append(&journal, 1).await {
            Err(JournalError::Failed) if began.elapsed() < LONG => tokio::task::yield_now().await,
            done => break done.unwrap(),
        }
    };
    assert_eq!(first, 1);
    drop(journal);
    let (journal, recovered) = Journal::open(dir.path(), options()).unwrap();
    assert_eq!((recovered.entries, count(&journal)), (1, 1));
}

/// What is summed up is all that was acknowledged: damage is not passed over by a summary that ends before it.
#[tokio::test]
async fn journal_a_damaged_segment_is_not_summed_up_without_what_it_lost() {
    let dir = tempfile::tempdir().unwrap();
    let (journal, _) = Journal::open(dir.path(), options()).unwrap();
    for _ in 0..5 {
        append(&journal, 10).await.unwrap();
    }
    let written = hold(&journal.shared.index).segments().next().unwrap();
    assert!(recover::summarise(dir.path(), written).is_ok());
    let file = segment::open(dir.path(), written.number).unwrap();
    file.write_all_at(&[0xa5], HEADER_BYTES + 300).unwrap();
    assert!(matches!(recover::summarise(dir.path(), written), Err(JournalError::Corrupt { .. })));
}

/// On a full disk segments are derived all the same: removing them is what gives space back.
#[tokio::test]
async fn journal_derives_although_no_space_can_be_reserved() {
    let dir = tempfile::tempdir().unwrap();
    let disk = Faulty::default();
    let options = JournalOptions { derive_segments: 1, ..options() };
    let (journal, _) = Journal::open_on(dir.path(), options, disk.clone()).unwrap();
    append(&journal, 1).await.unwrap();
    while !journal.status().unwrap().reserved {
        tokio::task::yield_now().await;
    }
    disk.set(|faults| faults.full = true);
    while append(&journal, 100).await.is_ok() {}
    let began = Instant::now();
    while journal.status().unwrap().segments > 1 {
        assert!(began.elapsed() < LONG, "nothing is derived");
        tokio::task::yield_now().await;
    }
}

/// What is full is derived and removed sooner where another segment finds no space.
#[tokio::test]
async fn journal_derives_sooner_where_there_is_no_space_for_a_segment() {
    let dir = tempfile::tempdir().unwrap();
    let disk = Faulty::default();
    let options = || JournalOptions { derive_segments: 8, ..options() };
    let (journal, _) = Journal::open_on(dir.path(), options(), disk.clone()).unwrap();
    let until = async |done: &dyn Fn(JournalStatus) -> bool| {
        let waiting = async {
            while !done(journal.status().unwrap()) {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(LONG, waiting).await.unwrap();
    };
    // Each fills more than half of a segment.
    for segments in 1..=2 {
        append(&journal, 300).await.unwrap();
        until(&|status| status.segments == segments && status.reserved).await;
    }
    disk.set(|faults| faults.full = true);
    append(&journal, 300).await.unwrap();
    until(&|status| status.segments == 1).await;
    assert_eq!(count(&journal), 3);
    drop(journal);
    let (journal, recovered) = Journal::open(dir.path(), options()).unwrap();
    assert_eq!((recovered.entries, count(&journal)), (3, 3));
}
