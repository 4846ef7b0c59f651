//! A process that is killed while it writes: what it was told is durable is there, whole, and it always reopens.
//!
//! Each test starts itself again as the writing process, reads its acknowledgements and kills it at one of them.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use chukei_store::{Batch, DataFolder, EngineKind, JournalError, JournalOptions, Partition, RowKey, Space};
use rand::Rng;
use tokio::runtime::Runtime;

use crate::stage::{BODY, engine};

const CHILD: &str = "CHUKEI_STORE_CRASH_CHILD";
const WRITERS: u8 = 6;
/// Rows of one batch: enough that one batch spans pages.
const ROWS: u8 = 5;
const ROUNDS: u32 = 50;
const JOURNAL_ROUNDS: u32 = 20;

/// Starts this test anew as a writer on `dir`, kills it after `acknowledgements`, or while it opens where there are to
/// be none, and returns the last one of each writer.
fn kill_a_writer(test: &str, dir: &Path, acknowledgements: usize) -> HashMap<u8, u64> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env(CHILD, dir)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut last = HashMap::new();
    let mut seen = 0;
    for line in lines {
        let line = line.unwrap();
        if acknowledgements == 0 && line == "opening" {
            child.kill().unwrap();
        }
        let Some((writer, count)) = line.strip_prefix("ack ").and_then(|ack| ack.split_once(' ')) else {
            continue;
        };
        last.insert(writer.parse().unwrap(), count.parse().unwrap());
        seen += 1;
        if seen == acknowledgements {
            child.kill().unwrap();
        }
    }
    child.wait().unwrap();
    assert!(seen >= acknowledgements, "the writer ended by itself");
    last
}

/// Kills writers at random points, checking `dir` after each.
fn rounds(test: &str, dir: &Path, rounds: u32, check: impl Fn(&HashMap<u8, u64>)) {
    let mut acknowledged = HashMap::new();
    for round in 0..rounds {
        let after = if round % 5 == 4 { 0 } else { rand::rng().random_range(1..150) };
        acknowledged.extend(kill_a_writer(test, dir, after));
        check(&acknowledged);
    }
}

/// In the child: says on one line, in one write, that something is durable.
fn acknowledge(writer: u8, count: u64) {
    std::io::stdout().write_all(format!("\nack {writer} {count}\n").as_bytes()).unwrap();
}

/// In the child: says that it opens now.
fn opening() {
    std::io::stdout().write_all(b"\nopening\n").unwrap();
}

fn row(writer: u8, row: u8) -> RowKey {
    RowKey::new(Space::Document).bytes(&[writer, row])
}

/// What a writer has counted up to: all its rows must say the same.
async fn counted(partition: &dyn Partition, writer: u8) -> Option<(u64, u64)> {
    let keys: Vec<_> = (0..ROWS).map(|i| row(writer, i)).collect();
    let rows = partition.get_many(&keys).await.unwrap();
    assert!(rows.iter().all(|found| *found == rows[0]), "half a batch");
    let first = rows[0].as_ref()?;
    Some((u64::from_be_bytes(first.value[..8].try_into().unwrap()), first.version))
}

async fn count_up(partition: Arc<dyn Partition>, writer: u8) {
    loop {
        let before = counted(&*partition, writer).await;
        let count = before.map_or(1, |(count, _)| count + 1);
        // From a few bytes to several pages.
        let value = [count.to_be_bytes().to_vec(), vec![writer; 2500 * usize::from(writer)]].concat();
        let batch = (0..ROWS).fold(Batch::new(), |batch, i| batch.put(row(writer, i), value.clone()));
        let batch = match before {
            Some((_, version)) => batch.require_version(row(writer, 0), version),
            None => batch.require_absent(row(writer, 0)),
        };
        partition.apply(batch).await.unwrap();
        acknowledge(writer, count);
    }
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap()
}

fn survives_being_killed_at_any_moment(kind: EngineKind, test: &str) {
    if let Some(dir) = std::env::var_os(CHILD) {
        let runtime = runtime();
        opening();
        let partition = runtime.block_on(engine(kind, Path::new(&dir)).open(BODY)).unwrap();
        run_writers(&runtime, |writer| count_up(Arc::clone(&partition), writer));
    }
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let dir = tempfile::tempdir().unwrap();
    rounds(test, dir.path(), ROUNDS, |acknowledged| {
        runtime.block_on(async {
            let partition = engine(kind, dir.path()).open(BODY).await.unwrap();
            for writer in 0..WRITERS {
                let told = acknowledged.get(&writer).copied().unwrap_or(0);
                let found = counted(&*partition, writer).await.map_or(0, |(count, _)| count);
                assert!(found >= told, "writer {writer} was told {told}, found {found}");
            }
            let rows = partition.count(&RowKey::new(Space::Document)).await.unwrap();
            assert_eq!(rows % u64::from(ROWS), 0, "half a batch");
        });
    });
}

#[test]
fn sqlite_crash_loses_nothing_that_was_acknowledged() {
    let test = "crash::sqlite_crash_loses_nothing_that_was_acknowledged";
    survives_being_killed_at_any_moment(EngineKind::Sqlite, test);
}

#[test]
fn sled_crash_loses_nothing_that_was_acknowledged() {
    let test = "crash::sled_crash_loses_nothing_that_was_acknowledged";
    survives_being_killed_at_any_moment(EngineKind::Sled, test);
}

#[test]
fn journal_survives_being_killed_at_any_moment() {
    let options = || JournalOptions { segment_bytes: 1 << 16, ..JournalOptions::default() };
    if let Some(dir) = std::env::var_os(CHILD) {
        opening();
        let (journal, _) = DataFolder::open(Path::new(&dir)).unwrap().journal(options()).unwrap();
        let journal = Arc::new(journal);
        run_writers(&runtime(), |writer| {
            let journal = Arc::clone(&journal);
            async move {
                loop {
                    let seal = |number: u64| Ok::<_, JournalError>(number.to_be_bytes().repeat(100));
                    let appended = journal.append_sealed_with(&writer.to_string(), 1, 1_000, None, seal);
                    acknowledge(writer, appended.await.unwrap());
                }
            }
        });
    }
    let dir = tempfile::tempdir().unwrap();
    rounds(
        "crash::journal_survives_being_killed_at_any_moment",
        dir.path(),
        JOURNAL_ROUNDS,
        |acknowledged| {
            let (journal, _) = DataFolder::open(dir.path()).unwrap().journal(options()).unwrap();
            for writer in 0..WRITERS {
                let told = acknowledged.get(&writer).copied().unwrap_or(0);
                let mut found = 0u64;
                for entry in journal.read(&writer.to_string(), 1) {
                    let entry = entry.unwrap();
                    found += 1;
                    assert_eq!((entry.seq, entry.sealed), (found, found.to_be_bytes().repeat(100)));
                }
                assert!(found >= told, "writer {writer} was told {told}, found {found}");
            }
        },
    );
}

/// In the child: writes until it is killed.
fn run_writers<F>(runtime: &Runtime, writer: impl Fn(u8) -> F) -> !
where
    F: Future<Output = ()> + Send + 'static,
{
    let writers: Vec<_> = (0..WRITERS).map(|which| runtime.spawn(writer(which))).collect();
    for writer in writers {
        runtime.block_on(writer).unwrap();
    }
    unreachable!("writers never end")
}
