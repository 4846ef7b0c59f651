//! A process that is killed while it writes: what it was told is durable is there, whole, and it always reopens.
//!
//! Each test starts itself again as the writing process, reads its acknowledgements and kills it at one of them.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use chukei_store::{
    Batch, DataFolder, Engine, EngineKind, JournalError, JournalOptions, Partition, RowKey, Slack, Space,
};
use rand::Rng;
use tokio::runtime::Runtime;

use crate::stage::{Place, Stage, open};

const CHILD: &str = "CHUKEI_STORE_CRASH_CHILD";
const WRITERS: u8 = 6;
/// Rows of one batch: enough that one batch spans pages.
const ROWS: u8 = 5;
const ROUNDS: usize = 50;
const JOURNAL_ROUNDS: usize = 20;
/// Bodies that are written in turn.
const BODIES: usize = 8;

/// What each writer was told last.
type Acknowledged = HashMap<u8, u64>;

/// Starts this test anew as a writer on `place`, kills it after `acknowledgements`, or while it opens where there are
/// to be none, and returns the last one of each writer.
fn kill_a_writer(test: &str, place: &str, acknowledgements: usize) -> Acknowledged {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env(CHILD, place)
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

/// After how many acknowledgements the process of this round is killed.
fn some(round: usize) -> usize {
    if round % 7 == 6 { 0 } else { rand::rng().random_range(1..150) }
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
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

/// What was acknowledged in this body is there, and nothing by halves.
async fn check(engine: &dyn Engine, body: &str, acknowledged: &Acknowledged) {
    let partition = open(engine, body).await;
    for writer in 0..WRITERS {
        let told = acknowledged.get(&writer).copied().unwrap_or(0);
        let found = counted(&*partition, writer).await.map_or(0, |(count, _)| count);
        assert!(found >= told, "writer {writer} was told {told}, found {found}");
    }
    let rows = partition.count(&RowKey::new(Space::Document)).await.unwrap();
    assert_eq!(rows % u64::from(ROWS), 0, "half a batch");
}

fn loses_nothing(kind: EngineKind, test: &str) {
    let runtime = runtime();
    if let Ok(arguments) = std::env::var(CHILD) {
        let (body, place) = arguments.split_once(' ').unwrap();
        opening();
        let partition = runtime.block_on(async {
            let engine = Place::from_line(place).engine().await;
            open(&*engine, body).await
        });
        run_writers(&runtime, |writer| count_up(Arc::clone(&partition), writer));
    }
    let Some(stage) = runtime.block_on(Stage::new(kind)) else { return };
    let mut acknowledged = vec![Acknowledged::new(); BODIES];
    for round in 0..ROUNDS + BODIES {
        let number = round % BODIES;
        let body = format!("body-{number}");
        // In turns, so that the lease of the one that was killed has run out when its body is looked at.
        runtime.block_on(async { check(&*stage.engine().await, &body, &acknowledged[number]).await });
        if round < ROUNDS {
            let arguments = format!("{body} {}", stage.place.to_line());
            acknowledged[number].extend(kill_a_writer(test, &arguments, some(round)));
        }
    }
}

#[test]
fn sqlite_crash_loses_nothing_that_was_acknowledged() {
    let test = "crash::sqlite_crash_loses_nothing_that_was_acknowledged";
    loses_nothing(EngineKind::Sqlite, test);
}

#[test]
fn sled_crash_loses_nothing_that_was_acknowledged() {
    let test = "crash::sled_crash_loses_nothing_that_was_acknowledged";
    loses_nothing(EngineKind::Sled, test);
}

#[test]
fn postgres_crash_loses_nothing_that_was_acknowledged() {
    let test = "crash::postgres_crash_loses_nothing_that_was_acknowledged";
    loses_nothing(EngineKind::Postgres, test);
}

#[test]
fn journal_survives_being_killed_at_any_moment() {
    let options =
        || JournalOptions { segment_bytes: 1 << 16, derive_segments: 2, ..JournalOptions::default() };
    if let Some(dir) = std::env::var_os(CHILD) {
        opening();
        let (journal, _) = DataFolder::open(Path::new(&dir)).unwrap().journal(options()).unwrap();
        let journal = Arc::new(journal);
        run_writers(&runtime(), |writer| {
            let journal = Arc::clone(&journal);
            async move {
                loop {
                    let seal = |number: u64| Ok::<_, JournalError>(number.to_be_bytes().repeat(100));
                    let appended =
                        journal.append_sealed_with(&writer.to_string(), 1, 1_000, None, Slack::NONE, seal);
                    acknowledge(writer, appended.await.unwrap());
                }
            }
        });
    }
    let dir = tempfile::tempdir().unwrap();
    let mut acknowledged = Acknowledged::new();
    for round in 0..JOURNAL_ROUNDS {
        let test = "crash::journal_survives_being_killed_at_any_moment";
        acknowledged.extend(kill_a_writer(test, dir.path().to_str().unwrap(), some(round)));
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
    }
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
