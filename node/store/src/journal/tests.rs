//! The journal on disks that fail, fill up or lose what was not synced.

use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::segment::{self, Disk, HEADER_BYTES, Medium};
use super::summary::Summary;
use super::{Appending, Journal, JournalError, JournalOptions, Slack};

const SECTOR: u64 = 512;

/// A disk whose next operations the test decides.
#[derive(Clone, Default)]
pub(super) struct Faulty(Arc<(Mutex<Faults>, Condvar)>);

#[derive(Default)]
pub(super) struct Faults {
    sync_fails: bool,
    pub(super) write_fails: bool,
    /// Files are replaced, and then it is said that they were not.
    pub(super) replaced_fails: bool,
    pub(super) full: bool,
    /// Writes wait while this is set.
    held: bool,
}

impl Faulty {
    pub(super) fn set(&self, change: impl FnOnce(&mut Faults)) {
        change(&mut self.0.0.lock().unwrap());
        self.0.1.notify_all();
    }
}

impl Medium for Faulty {
    fn allocate(&self, file: &File, len: u64) -> io::Result<()> {
        if self.0.0.lock().unwrap().full {
            return Err(io::ErrorKind::StorageFull.into());
        }
        Disk.allocate(file, len)
    }

    fn write(&self, file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
        let faults = self.0.1.wait_while(self.0.0.lock().unwrap(), |faults| faults.held).unwrap();
        if faults.write_fails {
            return Err(io::Error::other("no"));
        }
        Disk.write(file, bytes, offset)
    }

    fn sync(&self, _: &File) -> io::Result<()> {
        if self.0.0.lock().unwrap().sync_fails { Err(io::Error::other("no")) } else { Ok(()) }
    }

    fn replace(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        Disk.replace(path, bytes)?;
        if self.0.0.lock().unwrap().replaced_fails { Err(io::Error::other("no")) } else { Ok(()) }
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        Disk.remove(path)
    }
}

fn options() -> JournalOptions {
    JournalOptions { segment_bytes: 4096, queue_entries: 4, derive_segments: 2, ..JournalOptions::default() }
}

pub(super) fn append(journal: &Journal, length: usize) -> Appending {
    let seal = |number: u64| Ok::<_, JournalError>(number.to_be_bytes().repeat(length));
    journal.append_sealed_with("982016", 1, 1_000, None, Slack::NONE, seal)
}

/// Every entry that is there, checked to be whole and in unbroken sequence.
pub(super) fn count(journal: &Journal) -> u64 {
    let mut last = 0;
    for entry in journal.read("982016", 1) {
        let entry = entry.unwrap();
        assert_eq!(entry.seq, last + 1);
        assert!(entry.sealed.chunks(8).all(|chunk| chunk == entry.seq.to_be_bytes()));
        last = entry.seq;
    }
    last
}

/// Whatever the kernel holds for written after a failed sync: the entry is not acknowledged, not there, and not in the
/// way once the disk is well again.
#[tokio::test]
async fn journal_a_failed_sync_stops_it_until_it_goes_on_in_another_segment() {
    let dir = tempfile::tempdir().unwrap();
    let disk = Faulty::default();
    let (journal, _) = Journal::open_on(dir.path(), options(), disk.clone()).unwrap();
    append(&journal, 1).await.unwrap();
    for round in 1..=3 {
        disk.set(|faults| faults.sync_fails = true);
        for _ in 0..3 {
            assert!(matches!(append(&journal, 1).await, Err(JournalError::Failed)));
        }
        assert!(journal.failed());
        assert_eq!(count(&journal), round, "a reader sees only what was acknowledged");
        disk.set(|faults| faults.sync_fails = false);
        let again = loop {
            match append(&journal, 1).await {
                Err(JournalError::Failed) => tokio::task::yield_now().await,
                done => break done.unwrap(),
            }
        };
        assert!(!journal.failed());
        assert_eq!((again, count(&journal)), (round + 1, round + 1), "no gap and nothing twice");
    }
    drop(journal);
    let (journal, recovered) = Journal::open(dir.path(), options()).unwrap();
    assert_eq!((recovered.entries, recovered.torn_bytes, count(&journal)), (4, 0, 4));
    assert_eq!(append(&journal, 1).await.unwrap(), 5);
}

/// A journal that is closed while its disk fails answers everybody, and what was acknowledged is there afterwards.
#[tokio::test]
async fn journal_closed_while_its_disk_fails_leaves_nobody_waiting() {
    let dir = tempfile::tempdir().unwrap();
    let disk = Faulty::default();
    let (journal, _) = Journal::open_on(dir.path(), options(), disk.clone()).unwrap();
    append(&journal, 1).await.unwrap();
    disk.set(|faults| (faults.sync_fails, faults.held) = (true, true));
    let tried: Vec<_> = (0..4).map(|_| append(&journal, 1)).collect();
    let reader = journal.read("982016", 1);
    disk.set(|faults| faults.held = false);
    drop(journal);
    for one in tried {
        assert!(matches!(one.await, Err(JournalError::Failed)));
    }
    assert_eq!(reader.count(), 1);
    let (journal, _) = Journal::open(dir.path(), options()).unwrap();
    assert!(count(&journal) >= 1);
}

#[tokio::test]
async fn journal_goes_on_without_a_gap_after_the_disk_was_full() {
    let dir = tempfile::tempdir().unwrap();
    let disk = Faulty::default();
    let (journal, _) = Journal::open_on(dir.path(), options(), disk.clone()).unwrap();
    append(&journal, 300).await.unwrap();
    while !journal.status().unwrap().reserved {
        tokio::task::yield_now().await;
    }
    disk.set(|faults| faults.full = true);
    assert_eq!(append(&journal, 300).await.unwrap(), 2, "the next segment was reserved ahead");
    for _ in 0..3 {
        let outcomes = [append(&journal, 300), append(&journal, 300)];
        for outcome in outcomes {
            assert!(matches!(outcome.await, Err(JournalError::DiskFull)));
        }
        assert_eq!(
            append(&journal, 1).await.unwrap_or_default(),
            journal.last_number("982016"),
            "what still fits"
        );
    }
    assert!(!journal.failed() && !journal.status().unwrap().reserved);
    disk.set(|faults| faults.full = false);
    let last = journal.last_number("982016");
    assert_eq!(append(&journal, 300).await.unwrap(), last + 1);
    drop(journal);
    let (journal, recovered) = Journal::open(dir.path(), options()).unwrap();
    assert_eq!((recovered.entries, recovered.torn_bytes, count(&journal)), (last + 1, 0, last + 1));
}

#[tokio::test]
async fn journal_a_full_queue_says_so_at_once_and_uses_up_no_number() {
    let dir = tempfile::tempdir().unwrap();
    let disk = Faulty::default();
    let (journal, _) = Journal::open_on(dir.path(), options(), disk.clone()).unwrap();
    disk.set(|faults| faults.held = true);
    // The thread holds at most one group of four, and four wait.
    let tried: Vec<_> = (0..9).map(|_| append(&journal, 1)).collect();
    assert_eq!(journal.queue_depth(), 4);
    disk.set(|faults| faults.held = false);
    let mut given = Vec::new();
    let mut full = 0;
    for one in tried {
        match one.await {
            Ok(number) => given.push(number),
            Err(JournalError::Full) => full += 1,
            Err(other) => panic!("{other}"),
        }
    }
    assert!(full >= 1);
    assert_eq!(given, (1..=9 - full).collect::<Vec<_>>());
    assert_eq!(append(&journal, 1).await.unwrap(), 10 - full);
}

/// What waits is one block with one sync, whichever bodies it is of.
#[tokio::test]
async fn journal_one_sync_serves_all_bodies() {
    let dir = tempfile::tempdir().unwrap();
    let disk = Faulty::default();
    let synced = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&synced);
    let observer: super::SyncObserver = Arc::new(move |report| noted.lock().unwrap().push(report.entries));
    let options = JournalOptions { observer: Some(observer), ..options() };
    let (journal, _) = Journal::open_on(dir.path(), options, disk.clone()).unwrap();
    let append = |body: &str| {
        journal.append_sealed_with(body, 1, 1_000, None, Slack::NONE, |_| {
            Ok::<_, JournalError>(body.as_bytes().to_vec())
        })
    };
    append("982016").await.unwrap();
    disk.set(|faults| faults.held = true);
    let first = append("982016");
    while journal.queue_depth() > 0 {
        tokio::task::yield_now().await;
    }
    let behind = ["982016", "982024", "983012", "980005"].map(append);
    disk.set(|faults| faults.held = false);
    first.await.unwrap();
    for one in behind {
        one.await.unwrap();
    }
    assert_eq!(*synced.lock().unwrap(), [1, 1, 4]);
}

/// A disk that loses, at a power cut, any of the sectors written since the last sync.
#[derive(Clone)]
struct Forgetful(Arc<Mutex<Memory>>);

struct Memory {
    /// Operations until the power is cut.
    remaining: u32,
    /// What stood where something unsynced was written.
    unsynced: Vec<(File, u64, Vec<u8>)>,
}

impl Forgetful {
    fn new(remaining: u32) -> Self {
        Self(Arc::new(Mutex::new(Memory { remaining, unsynced: Vec::new() })))
    }

    /// Puts back, sector by sector, what the power cut kept from the disk.
    fn cut(&self, random: &mut StdRng) {
        for (file, offset, before) in self.0.lock().unwrap().unsynced.drain(..).rev() {
            for (sector, bytes) in (0..).zip(before.chunks(SECTOR as usize)) {
                if random.random() {
                    file.write_all_at(bytes, offset + sector * SECTOR).unwrap();
                }
            }
        }
    }
}

impl Memory {
    fn spend(&mut self) -> io::Result<()> {
        self.remaining = self.remaining.checked_sub(1).ok_or(io::ErrorKind::Other)?;
        Ok(())
    }
}

impl Medium for Forgetful {
    fn allocate(&self, file: &File, len: u64) -> io::Result<()> {
        Disk.allocate(file, len)
    }

    fn write(&self, file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
        let mut memory = self.0.lock().unwrap();
        let start = offset / SECTOR * SECTOR;
        let end =
            (offset + bytes.len() as u64).next_multiple_of(SECTOR).min(file.metadata()?.len()).max(start);
        let mut before = vec![0; (end - start) as usize];
        file.read_exact_at(&mut before, start)?;
        memory.unsynced.push((file.try_clone()?, start, before));
        Disk.write(file, bytes, offset)?;
        memory.spend()
    }

    fn sync(&self, file: &File) -> io::Result<()> {
        let mut memory = self.0.lock().unwrap();
        memory.spend()?;
        let synced = file.metadata()?.ino();
        memory.unsynced.retain(|(file, ..)| file.metadata().map_or(true, |found| found.ino() != synced));
        Ok(())
    }

    fn replace(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        self.0.lock().unwrap().spend()?;
        Disk.replace(path, bytes)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.0.lock().unwrap().spend()?;
        Disk.remove(path)
    }
}

/// Runs until the power is cut; returns the last number that was acknowledged.
fn run_until_cut(dir: &Path, random: &mut StdRng, mut acknowledged: u64) -> u64 {
    let disk = Forgetful::new(random.random_range(0..30));
    let options = JournalOptions { queue_entries: 64, ..options() };
    let (journal, recovered) = match Journal::open_on(dir, options, disk.clone()) {
        // Cut while it was being opened.
        Err(JournalError::Io(_)) => {
            disk.cut(random);
            return acknowledged;
        }
        opened => opened.unwrap(),
    };
    assert!(recovered.entries >= acknowledged, "an acknowledged entry was lost");
    assert_eq!(count(&journal), recovered.entries);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    while !journal.failed() {
        let group: Vec<_> =
            (0..random.random_range(1..6)).map(|_| append(&journal, random.random_range(0..250))).collect();
        for one in group {
            acknowledged = runtime.block_on(one).unwrap_or(acknowledged);
        }
    }
    drop(journal);
    disk.cut(random);
    acknowledged
}

#[test]
fn journal_a_power_cut_loses_nothing_acknowledged_and_never_looks_like_damage() {
    let dir = tempfile::tempdir().unwrap();
    let mut random = StdRng::seed_from_u64(982_016);
    let mut acknowledged = 0;
    for _ in 0..80 {
        acknowledged = run_until_cut(dir.path(), &mut random, acknowledged);
    }
    assert!(acknowledged > 300, "many entries were written: {acknowledged}");
    let (journal, recovered) = Journal::open(dir.path(), options()).unwrap();
    assert!(recovered.entries >= acknowledged);
    assert_eq!(count(&journal), recovered.entries);
}

/// After a failed write a segment may be closed with nothing in it. An opening that uses it after all must not believe
/// what was said of it then (R22).
#[tokio::test]
async fn journal_a_segment_that_is_used_after_all_is_not_judged_by_its_old_summary() {
    let dir = tempfile::tempdir().unwrap();
    let id = |number: u64| [[1; 8], number.to_be_bytes()].concat().try_into().unwrap();
    let append = async |journal: &Journal, number: u64| {
        let seal = |_| Ok::<_, JournalError>(vec![7; 1_000]);
        journal.append_sealed_with("982016", 1, number, Some(id(number)), Slack::NONE, seal).await.unwrap()
    };
    let (journal, _) = Journal::open(dir.path(), options()).unwrap();
    assert_eq!(append(&journal, 1).await, 1);
    drop(journal);
    if segment::list(dir.path(), ".seg").unwrap() == [1] {
        segment::create(dir.path(), 2, HEADER_BYTES, &Disk).unwrap();
    }
    let mut empty = Summary::new(2);
    empty.end = HEADER_BYTES;
    empty.store(dir.path(), &Disk).unwrap();

    for opening in 1..=3 {
        let (journal, recovered) = Journal::open(dir.path(), options()).unwrap();
        assert_eq!(recovered.entries, 1 + 6 * (opening - 1));
        for _ in 0..6 {
            let next = journal.last_number("982016") + 1;
            assert_eq!(append(&journal, next).await, next);
        }
        let mut ids = journal.replay_ids(0).unwrap();
        ids.sort_unstable();
        assert_eq!(ids, (1..=1 + 6 * opening).map(|number| (id(number), number)).collect::<Vec<_>>());
    }
}
