//! Tests: everything stops at each operation on the disk in turn, while logs are derived, given up and put back.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use super::segment::{Disk, Medium};
use super::{GivenUp, Journal, JournalEntry, JournalError, JournalOptions, Slack};

/// A disk that does so many operations, and then none any more.
#[derive(Clone)]
struct Stopping(Arc<AtomicU32>);

impl Stopping {
    fn spend(&self) -> io::Result<()> {
        let left = self.0.fetch_update(Ordering::AcqRel, Ordering::Acquire, |left| left.checked_sub(1));
        left.map(|_| ()).map_err(|_| io::Error::other("stopped"))
    }
}

impl Medium for Stopping {
    fn allocate(&self, file: &File, len: u64) -> io::Result<()> {
        self.spend()?;
        Disk.allocate(file, len)
    }

    fn write(&self, file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
        let done = self.spend();
        // The write that it stops at comes to its half.
        let bytes = if done.is_ok() { bytes } else { &bytes[..bytes.len() / 2] };
        Disk.write(file, bytes, offset)?;
        done
    }

    fn sync(&self, _: &File) -> io::Result<()> {
        self.spend()
    }

    fn replace(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        self.spend()?;
        Disk.replace(path, bytes)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.spend()?;
        Disk.remove(path)
    }
}

const BODIES: [&str; 2] = ["982016", "982024"];
const RESTORED: &str = "983012";

fn options() -> JournalOptions {
    JournalOptions {
        segment_bytes: 512,
        log_bytes: 256,
        derive_segments: usize::MAX,
        derive_bytes: 2 * 512,
        ..JournalOptions::default()
    }
}

fn sealed(number: u64) -> Vec<u8> {
    number.to_be_bytes().repeat(1 + number as usize % 9)
}

/// What somebody was told.
#[derive(Default)]
struct Told {
    last: HashMap<&'static str, u64>,
    forgot: bool,
    restored: bool,
}

fn history(journal: &Journal, runtime: &tokio::runtime::Runtime) -> Result<Told, Told> {
    let mut told = Told::default();
    for round in 0..3 {
        for number in 1..=10u64 {
            for body in BODIES {
                let appended =
                    journal.append_sealed_with(body, 1, number, Some([7; 16]), Slack::NONE, |number| {
                        Ok::<_, JournalError>(sealed(number))
                    });
                match runtime.block_on(appended) {
                    Ok(number) => told.last.insert(body, number),
                    Err(_) => return Err(told),
                };
            }
        }
        let stopped = match round {
            0 => journal.derive().is_err(),
            1 => {
                told.forgot = journal.forget_before(BODIES[0], 8, GivenUp::Retention).is_ok();
                !told.forgot || journal.derive().is_err()
            }
            _ => {
                let entries = (5..=30).map(|seq| {
                    Ok(JournalEntry { seq, at_ms: seq, kind: 1, replay: None, sealed: sealed(seq) })
                });
                told.restored = journal.import(RESTORED, entries, GivenUp::NotRestored).is_ok();
                !told.restored || journal.derive().is_err()
            }
        };
        if stopped {
            return Err(told);
        }
    }
    Ok(told)
}

/// All there is stands in unbroken sequence; first and last number.
fn range(journal: &Journal, body: &str) -> (u64, u64) {
    let (first, last) = (journal.first_number(body).0, journal.last_number(body));
    let mut next = first;
    for entry in journal.read(body, 1) {
        let entry = entry.unwrap();
        assert_eq!((entry.seq, &entry.sealed), (next, &sealed(next)));
        next += 1;
    }
    assert_eq!(next, last + 1);
    (first, last)
}

fn check(journal: &Journal, told: &Told) {
    for body in BODIES {
        let (first, last) = range(journal, body);
        assert!(last >= told.last.get(body).copied().unwrap_or(0), "an acknowledged entry was lost");
        match body == BODIES[0] {
            true if told.forgot => assert_eq!(first, 8, "what was given up came back"),
            true => assert!(first == 1 || first == 8),
            false => assert_eq!(first, 1),
        }
    }
    let (first, last) = range(journal, RESTORED);
    assert!((first, last) == (5, 30) || (!told.restored && (first, last) == (1, 0)), "half was put back");
}

#[test]
fn journal_stopped_at_any_operation_loses_nothing_and_doubles_nothing() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    for operations in (0..).step_by(3) {
        let dir = tempfile::tempdir().unwrap();
        let disk = Stopping(Arc::new(AtomicU32::new(operations)));
        let done =
            Journal::open_on(dir.path(), options(), disk).map(|(journal, _)| history(&journal, &runtime));
        let through = matches!(done, Ok(Ok(_)));
        let told = done.map_or_else(|_| Told::default(), |told| told.unwrap_or_else(|told| told));
        for _ in 0..2 {
            let (journal, _) = Journal::open(dir.path(), options()).unwrap();
            check(&journal, &told);
            for body in BODIES {
                let last = journal.last_number(body);
                let seal = |number: u64| Ok::<_, JournalError>(sealed(number));
                let appended = journal.append_sealed_with(body, 1, 99, None, Slack::NONE, seal);
                assert_eq!(runtime.block_on(appended).unwrap(), last + 1);
            }
            while journal.derive().unwrap() > 0 {}
            for body in BODIES {
                range(&journal, body);
            }
        }
        if through {
            return assert!(operations > 100, "the history was too short: {operations}");
        }
    }
}
