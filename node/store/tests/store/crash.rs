//! A process that is killed while it writes: what it was told is durable is there, whole, and it always reopens.
//!
//! Each test starts itself again as the writing process, reads its acknowledgements and kills it at one of them.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use chukei_store::{
    Batch, DataFolder, JournalError, JournalOptions, Partition, RowKey, Space, SqliteOptions,
};
use rand::Rng;
use tokio::runtime::Runtime;

const CHILD: &str = "CHUKEI_STORE_CRASH_CHILD";
const WRITERS: u8 = 6;
/// Rows of one batch: enough that one batch spans pages.
const ROWS: u8 = 5;
const ROUNDS_FOR: Duration = Duration::from_secs(5);
const ROUNDS_AT_LEAST: u32 = 5;

/// Starts this test anew as a writer on `dir`, kills it after `acknowledgements`, and returns the last one of
/// each writer.
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

/// Kills writers at random points until the time is up, checking `dir` after each.
fn rounds(test: &str, dir: &Path, check: impl Fn(&HashMap<u8, u64>)) {
    let started = Instant::now();
    let mut acknowledged = HashMap::new();
    let mut round = 0;
    while round < ROUNDS_AT_LEAST || started.elapsed() < ROUNDS_FOR {
        let after = rand::rng().random_range(1..150);
        acknowledged.extend(kill_a_writer(test, dir, after));
        check(&acknowledged);
        round += 1;
    }
}

/// In the child: says on one line, in one write, that something is durable.
fn acknowledge(writer: u8, count: u64) {
    std::io::stdout().write_all(format!("\nack {writer} {count}\n").as_bytes()).unwrap();
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
        let value = [count.to_be_bytes().to_vec(), vec![writer; 3000]].concat();
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

fn open(runtime: &Runtime, dir: &Path) -> Arc<dyn Partition> {
    runtime.block_on(DataFolder::open(dir).unwrap().sqlite(SqliteOptions::default()).open("982016")).unwrap()
}

#[test]
fn sqlite_survives_being_killed_at_any_moment() {
    if let Some(dir) = std::env::var_os(CHILD) {
        let runtime = runtime();
        let partition = open(&runtime, Path::new(&dir));
        run_writers(&runtime, |writer| count_up(Arc::clone(&partition), writer));
    }
    let dir = tempfile::tempdir().unwrap();
    rounds("crash::sqlite_survives_being_killed_at_any_moment", dir.path(), |acknowledged| {
        let runtime = runtime();
        let partition = open(&runtime, dir.path());
        for writer in 0..WRITERS {
            let told = acknowledged.get(&writer).copied().unwrap_or(0);
            let found = runtime.block_on(counted(&*partition, writer)).map_or(0, |(count, _)| count);
            assert!(found >= told, "writer {writer} was told {told}, found {found}");
        }
    });
}

#[test]
fn journal_survives_being_killed_at_any_moment() {
    let options = || JournalOptions { segment_bytes: 1 << 16, ..JournalOptions::default() };
    if let Some(dir) = std::env::var_os(CHILD) {
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
    rounds("crash::journal_survives_being_killed_at_any_moment", dir.path(), |acknowledged| {
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
    });
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
