//! The journal: segments begun, filled, healed and derived, logs given up and put back, by a process that is killed as
//! well.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use chukei_power_cut::{Fault, Found, Missing, Plan, child, faulty, run, say, start_anew, started_anew};
use chukei_store::{DataFolder, GivenUp, Journal, JournalEntry, JournalError, JournalOptions, Slack};

const NAME: &str = "journal::journal_power_cut_loses_nothing_and_leaves_no_gap";
const WRITERS: u8 = 3;
/// Entries of one writer that are on their way together.
const TOGETHER: u64 = 4;
/// Rounds of such entries in one opening.
const ROUNDS: u64 = 8;

/// Entries of a writer that are kept when the older ones are given up.
const KEPT: u64 = 10;
/// Logs that are put back, one in each life.
const RESTORED: [&str; 4] = ["a", "b", "c", "d"];

/// Turns after which a fault that passes must have passed.
const ATTEMPTS: u32 = 500;
const FAULTS: &[Fault] = &[
    Fault { calls: "fdatasync,fsync,syncfs", error: "EIO" },
    Fault { calls: "pwrite64", error: "EIO" },
    Fault { calls: "fallocate", error: "ENOSPC" },
];

/// The numbers that a log is put back with.
fn restored() -> std::ops::RangeInclusive<u64> {
    5..=30
}

/// How far the first writer has come.
static FIRST: AtomicU64 = AtomicU64::new(0);

fn open(folder: &Path) -> Journal {
    let data = DataFolder::open(&folder.join("data")).unwrap();
    data.journal(options()).unwrap().0
}

fn options() -> JournalOptions {
    JournalOptions {
        segment_bytes: 1 << 14,
        log_bytes: 1 << 12,
        derive_segments: 2,
        derive_bytes: 2 << 14,
        ..JournalOptions::default()
    }
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

/// Every other entry may wait for others.
fn slack(number: u64) -> Slack {
    if number.is_multiple_of(2) { Slack::UNAWAITED } else { Slack::NONE }
}

async fn write(journal: Arc<Journal>, writer: u8, rounds: u64) {
    for _ in 0..rounds {
        let next = journal.last_number(&writer.to_string()) + 1;
        let appending: Vec<_> = (next..next + TOGETHER)
            .map(|number| {
                let seal = |given: u64| Ok::<_, JournalError>(content(writer, given));
                journal.append_sealed_with(
                    &writer.to_string(),
                    1,
                    number,
                    replay(writer, number),
                    slack(number),
                    seal,
                )
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
        say(&format!("forgot {writer} {}", journal.first_number(&writer.to_string()).0));
    }
    for name in RESTORED {
        if journal.last_number(name) > 0 {
            say(&format!("restored {name}"));
        }
    }
    Arc::new(journal)
}

/// Gives up old entries and old replay ids, and puts a log back, while others write.
fn keep_house(journal: &Journal) {
    for writer in ["0", "1"] {
        let keep = journal.last_number(writer).saturating_sub(KEPT).max(1);
        say(&format!("forgetting {writer} {keep}"));
        journal.forget_before(writer, keep, GivenUp::Retention).unwrap();
        say(&format!("forgot {writer} {keep}"));
    }
    let before = journal.last_number("0") / 2;
    say(&format!("replays {before}"));
    journal.forget_replay_ids(before).unwrap();
    if let Some(name) = RESTORED.into_iter().find(|name| journal.last_number(name) == 0) {
        let entries = restored()
            .map(|seq| Ok(JournalEntry { seq, at_ms: seq, kind: 1, replay: None, sealed: content(9, seq) }));
        say(&format!("restoring {name}"));
        assert_eq!(journal.import(name, entries, GivenUp::NotRestored).unwrap(), restored().last().unwrap());
        say(&format!("restored {name}"));
    }
    while journal.derive().unwrap() > 0 {}
}

async fn write_and_keep_house(journal: &Arc<Journal>, rounds: u64) {
    let keeper = Arc::clone(journal);
    all_write(journal, rounds / 2).await;
    let (kept, ()) = tokio::join!(
        tokio::task::spawn_blocking(move || keep_house(&keeper)),
        all_write(journal, rounds - rounds / 2)
    );
    kept.unwrap();
}

/// Calls that fail now and then: nothing that fails is acknowledged, and the journal goes on by itself.
async fn live_through_faults(folder: &Path) {
    let mut opened = None;
    for _ in 0..ATTEMPTS {
        let data = DataFolder::open(&folder.join("data"));
        opened = opened.or_else(|| data.ok()?.journal(options()).ok());
    }
    let journal = Arc::new(opened.expect("it never opens").0);
    let writers = (0..WRITERS).map(|writer| tokio::spawn(write_or_try_again(Arc::clone(&journal), writer)));
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
}

async fn write_or_try_again(journal: Arc<Journal>, writer: u8) {
    let name = writer.to_string();
    while journal.last_number(&name) < ROUNDS * TOGETHER {
        let number = journal.last_number(&name) + 1;
        let seal = |given: u64| Ok::<_, JournalError>(content(writer, given));
        let appended =
            journal.append_sealed_with(&name, 1, number, replay(writer, number), slack(number), seal).await;
        match appended {
            Ok(number) => say(&format!("ack {writer} {number}")),
            Err(JournalError::Failed | JournalError::DiskFull) => tokio::task::yield_now().await,
            Err(error) => panic!("{error:?}"),
        }
    }
}

async fn live(folder: &Path) {
    if faulty() {
        return live_through_faults(folder).await;
    }
    if !started_anew() {
        write_and_keep_house(&open_and_say(folder), ROUNDS).await;
        let journal = open_and_say(folder);
        let end = journal.last_number("0") + ROUNDS * TOGETHER;
        let writers = tokio::spawn(async move { all_write(&journal, u64::MAX).await });
        while FIRST.load(Ordering::Relaxed) < end {
            tokio::task::yield_now().await;
        }
        panic!("{} {writers:?}", start_anew());
    }
    write_and_keep_house(&open_and_say(folder), ROUNDS).await;
}

/// The first and the last number of each writer, after every entry was read.
fn read(journal: &Journal, replays_from: u64) -> HashMap<u8, (u64, u64)> {
    let mut expected = BTreeSet::new();
    let numbers = (0..WRITERS).map(|writer| {
        let name = writer.to_string();
        let first = journal.first_number(&name).0;
        let mut last = first - 1;
        for entry in journal.read(&name, 1) {
            let entry = entry.unwrap();
            last += 1;
            assert_eq!((entry.seq, entry.at_ms, entry.replay), (last, last, replay(writer, last)));
            assert!(entry.sealed == content(writer, last), "other bytes than were written");
        }
        assert_eq!(journal.last_number(&name), last);
        expected.extend(
            (replays_from.max(1)..=last).filter_map(|number| Some((replay(writer, number)?, number))),
        );
        (writer, (first, last))
    });
    let numbers = numbers.collect();
    assert_eq!(journal.replay_ids(replays_from).unwrap().into_iter().collect::<BTreeSet<_>>(), expected);
    for name in RESTORED {
        let found: Vec<_> = journal.read(name, 1).map(|entry| entry.unwrap().seq).collect();
        assert!(found.is_empty() || found == restored().collect::<Vec<_>>(), "half was put back: {found:?}");
    }
    numbers
}

/// What was said last of this kind, by whom it is about.
fn told(said: &[String], kind: &str) -> HashMap<u8, u64> {
    let words = said.iter().filter_map(|line| line.strip_prefix(kind)?.strip_prefix(' ')?.split_once(' '));
    words.map(|(writer, number)| (writer.parse().unwrap(), number.parse().unwrap())).collect()
}

async fn check(folder: &Path, said: &[String]) {
    let (last_told, first_told, first_begun) =
        (told(said, "ack"), told(said, "forgot"), told(said, "forgetting"));
    let replays = said.iter().rev().find_map(|line| line.strip_prefix("replays "));
    let replays = replays.map_or(0, |before| before.parse().unwrap());
    let journal = Arc::new(open(folder));
    let found = read(&journal, replays);
    for (writer, (first, last)) in &found {
        let told = last_told.get(writer).copied().unwrap_or(0);
        assert!((told..=told + TOGETHER).contains(last), "writer {writer} was told {told}, found {last}");
        let told = first_told.get(writer).copied().unwrap_or(1);
        let begun = first_begun.get(writer).copied().unwrap_or(1);
        assert!(*first == told || *first == begun.max(told), "first of {writer}: told {told}, found {first}");
    }
    for name in said.iter().filter_map(|line| line.strip_prefix("restored ")) {
        assert_eq!(journal.last_number(name), restored().last().unwrap(), "what was put back is lost");
    }
    all_write(&journal, 1).await;
    while journal.derive().unwrap() > 0 {}
    drop(journal);
    let again = read(&open(folder), replays);
    assert!(found.iter().all(|(writer, (_, last))| again[writer].1 == last + TOGETHER), "it lives on");
}

#[test]
fn journal_power_cut_loses_nothing_and_leaves_no_gap() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    if let Some(folder) = child() {
        return runtime.block_on(live(&folder));
    }
    let missing = &[
        Missing::Files(".seg"),
        Missing::Files(".log"),
        Missing::Files("checkpoint.new"),
        Missing::Folders("journal"),
        Missing::Folders("logs"),
        Missing::Folders("1"),
        Missing::Folders("data"),
        Missing::Folders(""),
    ];
    let plan = Plan { cuts: 300, lives: 6, cuts_of_each: 40, missing, faults: FAULTS, faulty_lives: 2 };
    let check = |found: Found<'_>| runtime.block_on(check(found.folder, found.said));
    run(NAME, plan, check).unwrap();
}
