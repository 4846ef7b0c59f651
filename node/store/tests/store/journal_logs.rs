//! The logs that are derived from the journal: every kept entry is found, in one place or the other, whatever was
//! derived, given up, put back or cut short.

use std::fs;
use std::path::Path;

use chukei_store::{Entry, GivenUp, Journal, JournalEntry, JournalError, JournalOptions};
use proptest::prelude::*;

const BODIES: [&str; 3] = ["982016", "982024", "permits"];

/// Small files, so that a few entries make several; derived only when asked.
fn small() -> JournalOptions {
    JournalOptions {
        segment_bytes: 1024,
        log_bytes: 512,
        derive_segments: usize::MAX,
        derive_bytes: 2 * 1024,
        ..JournalOptions::default()
    }
}

fn open(dir: &Path) -> Journal {
    Journal::open(dir, small()).unwrap().0
}

/// What stands at a number of a partition.
fn entry(partition: &str, number: u64) -> JournalEntry {
    let replay = number.is_multiple_of(3).then_some([number as u8 | 0x80; 16]);
    let sealed = format!("{partition} {number} ").into_bytes().repeat(1 + number as usize % 7);
    JournalEntry { seq: number, at_ms: number * 100, kind: 3, replay, sealed }
}

async fn fill(journal: &Journal, partition: &str, numbers: std::ops::RangeInclusive<u64>) {
    for number in numbers {
        let JournalEntry { at_ms, kind, replay, sealed, .. } = entry(partition, number);
        let appended = Entry { partition: partition.to_owned(), kind, at_ms, replay, sealed };
        assert_eq!(journal.append(appended).await.unwrap(), number);
    }
}

fn derive_all(journal: &Journal) -> usize {
    std::iter::repeat_with(|| journal.derive().unwrap()).take_while(|derived| *derived > 0).sum()
}

/// Entries `kept` and no others are there, from wherever they are read.
fn assert_kept(journal: &Journal, partition: &str, kept: std::ops::RangeInclusive<u64>) {
    let read: Vec<_> = journal.read(partition, 1).map(Result::unwrap).collect();
    let expected: Vec<_> = kept.clone().map(|number| entry(partition, number)).collect();
    assert_eq!(read, expected);
    for from in kept.clone().step_by(7) {
        assert_eq!(journal.read(partition, from).next().unwrap().unwrap(), entry(partition, from));
        assert_eq!(journal.read(partition, from).count() as u64, kept.end() + 1 - from);
    }
}

fn files(folder: &Path, suffix: &str) -> usize {
    let Ok(entries) = fs::read_dir(folder) else { return 0 };
    entries.filter(|file| file.as_ref().unwrap().path().to_str().unwrap().ends_with(suffix)).count()
}

#[tokio::test]
async fn journal_logs_hold_what_was_derived_and_its_segments_are_gone() {
    let dir = tempfile::tempdir().unwrap();
    let journal = open(dir.path());
    for body in BODIES {
        fill(&journal, body, 1..=60).await;
    }
    let before = files(dir.path(), ".seg");
    // A reader that began before goes on to the end, although the segments go under it.
    let mut reading = journal.read("982016", 1);
    assert_eq!(reading.next().unwrap().unwrap().seq, 1);
    let derived = derive_all(&journal);
    assert!(derived > 10 && files(dir.path(), ".seg") <= before + 1 - derived, "{derived} of {before}");
    assert!(files(&dir.path().join("logs/982016"), ".log") > 3, "several files");
    assert!(reading.map(|entry| entry.unwrap().seq).eq(2..=60));
    for body in BODIES {
        assert_kept(&journal, body, 1..=60);
    }
    drop(journal);
    let (journal, recovered) = Journal::open(dir.path(), small()).unwrap();
    assert_eq!(recovered.entries, 180);
    for body in BODIES {
        assert_eq!(journal.last_number(body), 60);
        assert_kept(&journal, body, 1..=60);
        fill(&journal, body, 61..=80).await;
        assert_kept(&journal, body, 1..=80);
    }
}

/// R22: the window survives although its entries were derived, until nobody asks for it any more.
#[tokio::test]
async fn journal_logs_replay_ids_outlive_their_segments() {
    let dir = tempfile::tempdir().unwrap();
    let journal = open(dir.path());
    fill(&journal, "982016", 1..=90).await;
    let noted = |since: u64| {
        let noted = (1..=90).map(|number| entry("982016", number)).filter(move |entry| entry.at_ms >= since);
        noted.filter_map(|entry| entry.replay.map(|id| (id, entry.at_ms))).collect::<Vec<_>>()
    };
    assert!(derive_all(&journal) > 5);
    assert_eq!(journal.replay_ids(0).unwrap(), noted(0));
    drop(journal);
    let journal = open(dir.path());
    assert_eq!(journal.replay_ids(0).unwrap(), noted(0));
    assert_eq!(journal.replay_ids(3_000).unwrap(), noted(3_000));
    let summaries = files(dir.path(), ".sum");
    journal.forget_replay_ids(6_000).unwrap();
    assert!(files(dir.path(), ".sum") < summaries);
    assert_eq!(journal.replay_ids(6_000).unwrap(), noted(6_000));
    assert_kept(&journal, "982016", 1..=90);
}

#[tokio::test]
async fn journal_logs_entries_given_up_are_gone_for_good_and_numbers_go_on() {
    let dir = tempfile::tempdir().unwrap();
    let journal = open(dir.path());
    for body in BODIES {
        fill(&journal, body, 1..=60).await;
    }
    derive_all(&journal);
    let before = files(&dir.path().join("logs/982016"), ".log");
    journal.forget_before("982016", 31, GivenUp::Retention).unwrap();
    journal.forget_before("982016", 11, GivenUp::Erased).unwrap();
    assert!(files(&dir.path().join("logs/982016"), ".log") < before);
    // All there is, derived or not.
    journal.forget_before("982024", u64::MAX, GivenUp::Erased).unwrap();
    assert_eq!(files(&dir.path().join("logs/982024"), ".log"), 0);
    assert_eq!(journal.first_since("permits", 2_050).unwrap(), 21);
    assert_eq!(journal.first_since("permits", u64::MAX).unwrap(), 61);
    journal.forget_before("permits", 21, GivenUp::Retention).unwrap();
    drop(journal);
    let journal = open(dir.path());
    assert_eq!(journal.first_number("982016"), (31, Some(GivenUp::Retention)));
    assert_eq!(journal.first_number("982024"), (61, Some(GivenUp::Erased)));
    assert_eq!(journal.first_number("983012"), (1, None));
    assert_kept(&journal, "982016", 31..=60);
    assert_eq!((journal.read("982024", 1).count(), journal.last_number("982024")), (0, 60));
    assert_kept(&journal, "permits", 21..=60);
    for body in BODIES {
        fill(&journal, body, 61..=90).await;
    }
    derive_all(&journal);
    drop(journal);
    let journal = open(dir.path());
    assert_kept(&journal, "982016", 31..=90);
    assert_kept(&journal, "982024", 61..=90);
    assert_kept(&journal, "permits", 21..=90);
}

#[tokio::test]
async fn journal_logs_are_put_back_only_where_there_is_nothing_and_without_a_gap() {
    let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let source = open(from.path());
    fill(&source, "982016", 1..=60).await;
    source.forget_before("982016", 21, GivenUp::Retention).unwrap();
    let journal = open(to.path());
    fill(&journal, "982024", 1..=10).await;
    let gap = [20, 21, 23].map(|number| Ok(entry("982016", number)));
    let refused = journal.import("982016", gap, GivenUp::NotRestored);
    assert!(matches!(refused, Err(JournalError::NotInSequence)));
    assert_eq!((journal.last_number("982016"), journal.read("982016", 1).count()), (0, 0));
    assert_eq!(journal.import("982016", source.read("982016", 1), GivenUp::Retention).unwrap(), 60);
    for body in ["982016", "982024"] {
        let again = journal.import(body, source.read("982016", 1), GivenUp::Retention);
        assert!(matches!(again, Err(JournalError::NotEmpty)));
    }
    assert_eq!(journal.import("983012", [], GivenUp::NotRestored).unwrap(), 0);
    drop(journal);
    let journal = open(to.path());
    assert_eq!(journal.first_number("982016"), (21, Some(GivenUp::Retention)));
    assert_kept(&journal, "982016", 21..=60);
    fill(&journal, "982016", 61..=90).await;
    derive_all(&journal);
    assert_kept(&journal, "982016", 21..=90);
    assert_kept(&journal, "982024", 1..=10);
}

/// R1: a file of one body's log is no file of another's, and damage in it is reported.
#[tokio::test]
async fn journal_logs_damaged_cut_or_foreign_are_reported() {
    let dir = tempfile::tempdir().unwrap();
    let journal = open(dir.path());
    for body in ["982016", "982024"] {
        fill(&journal, body, 1..=60).await;
    }
    derive_all(&journal);
    let path = |body: &str| dir.path().join(format!("logs/{body}/{:016x}.log", 1));
    let whole = fs::read(path("982016")).unwrap();
    let damaged = |bytes: &[u8]| {
        fs::write(path("982016"), bytes).unwrap();
        let read: Vec<_> = journal.read("982016", 1).collect();
        let code = read.last().unwrap().as_ref().map_err(JournalError::code).map(|_| ());
        assert_eq!(code, Err("CORRUPT"));
        assert!(read.len() < 60);
    };
    for at in [0, 9, 15, 30 + 64, whole.len() - 9] {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        damaged(&bytes);
    }
    damaged(&whole[..whole.len() - 8]);
    damaged(&fs::read(path("982024")).unwrap());
    fs::write(path("982016"), whole).unwrap();
    assert_kept(&journal, "982016", 1..=60);
}

#[tokio::test]
async fn journal_logs_checkpoint_that_is_damaged_or_newer_is_refused_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let journal = open(dir.path());
    fill(&journal, "982016", 1..=60).await;
    derive_all(&journal);
    drop(journal);
    let path = dir.path().join("checkpoint");
    let whole = fs::read(&path).unwrap();
    let mut newer = whole[..whole.len() - 4].to_vec();
    newer[11] = 2;
    newer.extend(crc32fast::hash(&newer).to_be_bytes());
    let cases = [(newer, "NEWER_FORMAT"), (whole[..20].to_vec(), "CORRUPT"), (vec![], "CORRUPT")];
    for (bytes, code) in cases {
        fs::write(&path, &bytes).unwrap();
        assert_eq!(Journal::open(dir.path(), small()).map(|_| ()).unwrap_err().code(), code);
        assert_eq!(fs::read(&path).unwrap(), bytes);
    }
    // Without it the segments that are gone are missed.
    fs::remove_file(&path).unwrap();
    assert_eq!(Journal::open(dir.path(), small()).map(|_| ()).unwrap_err().code(), "CORRUPT");
    fs::write(&path, whole).unwrap();
    assert_kept(&open(dir.path()), "982016", 1..=60);
}

/// The journal does all that by itself.
#[tokio::test]
async fn journal_logs_are_derived_in_the_background() {
    let dir = tempfile::tempdir().unwrap();
    let options = JournalOptions { derive_segments: 2, ..small() };
    let (journal, _) = Journal::open(dir.path(), options).unwrap();
    fill(&journal, "982016", 1..=200).await;
    while journal.status().unwrap().segments > 2 {
        tokio::task::yield_now().await;
    }
    assert_kept(&journal, "982016", 1..=200);
    let status = journal.status().unwrap();
    assert!(!status.failed && status.free_bytes > 0 && status.free_bytes <= status.disk_bytes);
}

/// One step of a history.
#[derive(Clone, Debug)]
enum Step {
    Append(usize, u64),
    Derive,
    Forget(usize, u64),
    Reopen,
    /// Everything moves to another folder.
    Import,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..BODIES.len(), 1..25u64).prop_map(|(body, count)| Step::Append(body, count)),
        3 => Just(Step::Derive),
        1 => (0..BODIES.len(), 0..80u64).prop_map(|(body, number)| Step::Forget(body, number)),
        2 => Just(Step::Reopen),
        1 => Just(Step::Import),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// Random histories against a plain range of numbers per body.
    #[test]
    fn journal_logs_model_of_random_histories(steps in prop::collection::vec(step(), 1..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let mut dir = tempfile::tempdir().unwrap();
        let mut journal = Some(open(dir.path()));
        // First and last.
        let mut kept = BODIES.map(|_| (1u64, 0u64));
        for step in steps {
            let open_one = journal.as_ref().unwrap();
            match step {
                Step::Append(body, count) => {
                    let (_, last) = &mut kept[body];
                    runtime.block_on(fill(open_one, BODIES[body], *last + 1..=*last + count));
                    *last += count;
                }
                Step::Derive => drop(derive_all(open_one)),
                Step::Forget(body, number) => {
                    open_one.forget_before(BODIES[body], number, GivenUp::Retention).unwrap();
                    let (first, last) = &mut kept[body];
                    *first = number.min(*last + 1).max(*first);
                }
                Step::Reopen => {
                    drop(journal.take());
                    journal = Some(open(dir.path()));
                }
                Step::Import => {
                    let other = tempfile::tempdir().unwrap();
                    let target = open(other.path());
                    for (body, (first, last)) in BODIES.iter().zip(&mut kept) {
                        let put = target.import(body, open_one.read(body, 1), GivenUp::NotRestored).unwrap();
                        if first > last {
                            (*first, *last) = (1, 0);
                        }
                        prop_assert_eq!(put, *last);
                    }
                    journal = Some(target);
                    dir = other;
                }
            }
            let open_one = journal.as_ref().unwrap();
            for (body, (first, last)) in BODIES.iter().zip(kept) {
                assert_kept(open_one, body, first..=last);
                prop_assert_eq!(open_one.last_number(body), last);
            }
        }
    }
}
