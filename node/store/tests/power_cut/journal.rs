//! The journal: segments begun, filled and healed, by a process that is killed as well.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use chukei_power_cut::{Found, Missing, Plan, child, run, say, start_anew, started_anew};
use chukei_store::{DataFolder, Journal, JournalError, JournalOptions};

const NAME: &str = "journal::journal_power_cut_loses_nothing_and_leaves_no_gap";
const WRITERS: u8 = 3;
/// Entries of one writer that are on their way together.
const TOGETHER: u64 = 4;
/// Rounds of such entries in one opening.
const ROUNDS: u64 = 8;

/// How far the first writer has come.
static FIRST: AtomicU64 = AtomicU64::new(0);

fn open(folder: &Path) -> Journal {
    let data = DataFolder::open(&folder.join("data")).unwrap();
    data.journal(JournalOptions { segment_bytes: 1 << 14, ..JournalOptions::default() }).unwrap().0
}

/// Entries of all sizes: some share a segment with dozens, some need one of their own.
fn content(writer: u8, number: u64) -> Vec<u8> {
    let times = match number % 11 {
        0 => 3000,
        3 | 7 => 300,
        rest => 5 * rest as usize,
    };
    [&[writer], &number.to_be_bytes().repeat(times + 1)[..]].concat()
}

fn replay(writer: u8, number: u64) -> Option<[u8; 16]> {
    number.is_multiple_of(3).then(|| {
        let mut id = [writer + 1; 16];
        id[8..].copy_from_slice(&number.to_be_bytes());
        id
    })
}

async fn write(journal: Arc<Journal>, writer: u8, rounds: u64) {
    for _ in 0..rounds {
        let next = journal.last_number(&writer.to_string()) + 1;
        let appending: Vec<_> = (next..next + TOGETHER)
            .map(|number| {
                let seal = |given: u64| Ok::<_, JournalError>(content(writer, given));
                journal.append_sealed_with(&writer.to_string(), 1, number, replay(writer, number), seal)
            })
            .collect();
        for one in appending {
            let number = one.await.unwrap();
            say(&format!("ack {writer} {number}"));
            if writer == 0 {
                FIRST.store(number, Ordering::Relaxed);
            }
        }
    }
}

async fn all_write(journal: &Arc<Journal>, rounds: u64) {
    let writers = (0..WRITERS).map(|writer| tokio::spawn(write(Arc::clone(journal), writer, rounds)));
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
}

/// What is found at an opening is as good as acknowledged: somebody may have read it.
fn open_and_say(folder: &Path) -> Arc<Journal> {
    let journal = open(folder);
    for writer in 0..WRITERS {
        say(&format!("ack {writer} {}", journal.last_number(&writer.to_string())));
    }
    Arc::new(journal)
}

async fn live(folder: &Path) {
    if !started_anew() {
        all_write(&open_and_say(folder), ROUNDS).await;
        let journal = open_and_say(folder);
        let end = journal.last_number("0") + ROUNDS * TOGETHER;
        let writers = tokio::spawn(async move { all_write(&journal, u64::MAX).await });
        while FIRST.load(Ordering::Relaxed) < end {
            tokio::task::yield_now().await;
        }
        panic!("{} {writers:?}", start_anew());
    }
    all_write(&open_and_say(folder), ROUNDS).await;
}

/// The numbers that the journal holds of each writer, after every entry was read.
fn read(journal: &Journal) -> HashMap<u8, u64> {
    let mut ids = 0;
    let numbers = (0..WRITERS).map(|writer| {
        let mut last = 0;
        for entry in journal.read(&writer.to_string(), 1) {
            let entry = entry.unwrap();
            last += 1;
            assert_eq!((entry.seq, entry.at_ms, entry.replay), (last, last, replay(writer, last)));
            assert!(entry.sealed == content(writer, last), "other bytes than were written");
            ids += usize::from(entry.replay.is_some());
        }
        assert_eq!(journal.last_number(&writer.to_string()), last);
        (writer, last)
    });
    let numbers = numbers.collect();
    assert_eq!(journal.replay_ids(0).unwrap().len(), ids);
    numbers
}

async fn check(folder: &Path, said: &[String]) {
    let mut told = HashMap::new();
    for (writer, number) in said.iter().filter_map(|line| line.strip_prefix("ack ")?.split_once(' ')) {
        told.insert(writer.parse::<u8>().unwrap(), number.parse::<u64>().unwrap());
    }
    let journal = Arc::new(open(folder));
    let found = read(&journal);
    for (writer, last) in &found {
        let told = told.get(writer).copied().unwrap_or(0);
        assert!((told..=told + TOGETHER).contains(last), "writer {writer} was told {told}, found {last}");
    }
    all_write(&journal, 1).await;
    drop(journal);
    let again = read(&open(folder));
    assert!(found.iter().all(|(writer, last)| again[writer] == last + TOGETHER), "it lives on");
}

#[test]
fn journal_power_cut_loses_nothing_and_leaves_no_gap() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    if let Some(folder) = child() {
        return runtime.block_on(live(&folder));
    }
    let missing = &[
        Missing::Files(".seg"),
        Missing::Folders("journal"),
        Missing::Folders("data"),
        Missing::Folders(""),
    ];
    let plan = Plan { cuts: 300, lives: 6, cuts_of_each: 40, missing };
    let check = |found: Found<'_>| runtime.block_on(check(found.folder, found.said));
    run(NAME, plan, check).unwrap();
}
