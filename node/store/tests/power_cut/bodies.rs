//! Two bodies in any engine: what is done to them and said of it, and what must be found of it after a cut.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use chukei_power_cut::{faulty, say};
use chukei_store::{Batch, Engine, Partition, RowKey, Space, StoreError};

/// The body that lives on, and the one that is removed in each life.
pub(crate) const BODY: &str = "982016";
pub(crate) const REMOVED: &str = "982024";
pub(crate) const WRITERS: u8 = 3;
/// Rows of a writer that say the same.
const ROWS: u8 = 4;
/// Rows of a writer that come and go, one with each batch.
const KEPT: u64 = 5;
/// Batches of a writer between two openings.
pub(crate) const BATCHES: u64 = 12;
/// Rows that are there all at once, and then all gone.
const BULK: u16 = 90;

/// Turns after which a fault that passes must have passed.
pub(crate) const ATTEMPTS: u32 = 500;

/// What the first writer has counted up to.
pub(crate) static LAST_OF_FIRST: AtomicU64 = AtomicU64::new(0);

fn row(writer: u8, row: u8) -> RowKey {
    RowKey::new(Space::Document).bytes(&[writer, row])
}

fn passing(writer: u8) -> RowKey {
    RowKey::new(Space::Outbox).bytes(&[writer])
}

fn bulk() -> RowKey {
    RowKey::new(Space::NoticeTarget)
}

/// Large enough now and then that a row spans pages.
fn value(writer: u8, count: u64) -> Vec<u8> {
    let filler = if count.is_multiple_of(7) { 30_000 } else { 300 * usize::from(writer) };
    [count.to_be_bytes().to_vec(), vec![writer; filler]].concat()
}

/// What a writer has counted up to, and the version of that. An engine may refuse to read what it cannot trust before
/// it has recovered.
pub(crate) async fn counted(partition: &dyn Partition, writer: u8) -> (u64, Option<u64>) {
    for _ in 0..ATTEMPTS {
        match try_counted(partition, writer).await {
            Ok(counted) => return counted,
            Err(StoreError::Stopped) if faulty() => drop(partition.recover().await),
            Err(error) => panic!("{error:?}"),
        }
    }
    panic!("it is never read again");
}

async fn try_counted(partition: &dyn Partition, writer: u8) -> Result<(u64, Option<u64>), StoreError> {
    let keys: Vec<_> = (0..ROWS).map(|at| row(writer, at)).collect();
    let rows = partition.get_many(&keys).await?;
    assert!(rows.iter().all(|found| *found == rows[0]), "half a batch");
    let count = rows[0].as_ref().map_or(0, |found| u64::from_be_bytes(found.value[..8].try_into().unwrap()));
    if let Some(found) = &rows[0] {
        assert!(found.value == value(writer, count), "other bytes than were written");
    }
    let passing = partition.scan(&passing(writer), None, 1000).await?.rows;
    let numbers: Vec<u64> =
        passing.iter().map(|(_, found)| u64::from_be_bytes(found.value[..8].try_into().unwrap())).collect();
    let expected: Vec<u64> = ((count + 1).saturating_sub(KEPT).max(1)..=count).collect();
    assert_eq!(numbers, expected, "of one batch some rows came or went, and some did not");
    Ok((count, rows[0].as_ref().map(|found| found.version)))
}

async fn count_up(partition: Arc<dyn Partition>, body: &'static str, writer: u8, batches: u64) {
    for _ in 0..batches {
        let count = try_to_count_up(&*partition, body, writer).await.unwrap();
        if writer == 0 {
            LAST_OF_FIRST.store(count, Ordering::Relaxed);
        }
    }
}

pub(crate) async fn try_to_count_up(
    partition: &dyn Partition,
    body: &'static str,
    writer: u8,
) -> Result<u64, StoreError> {
    let (before, version) = counted(partition, writer).await;
    let count = before + 1;
    let batch = (0..ROWS).fold(Batch::new(), |batch, at| batch.put(row(writer, at), value(writer, count)));
    let batch = batch.put(passing(writer).bytes(&count.to_be_bytes()), count.to_be_bytes().to_vec());
    let batch = match count.checked_sub(KEPT) {
        Some(old) => batch.delete(passing(writer).bytes(&old.to_be_bytes())),
        None => batch,
    };
    let batch = match version {
        Some(version) => batch.require_version(row(writer, 0), version),
        None => batch.require_absent(row(writer, 0)),
    };
    partition.apply(batch).await?;
    acknowledge_what_is_there(partition, body, writer).await;
    Ok(count)
}

pub(crate) async fn acknowledge_what_is_there(partition: &dyn Partition, body: &str, writer: u8) {
    if let (count, Some(version)) = counted(partition, writer).await {
        say(&format!("ack {body} {writer} {count} {version}"));
    }
}

pub(crate) async fn all_count_up(partition: &Arc<dyn Partition>, body: &'static str, batches: u64) {
    let writers =
        (0..WRITERS).map(|writer| tokio::spawn(count_up(Arc::clone(partition), body, writer, batches)));
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
}

/// What is found at an opening is as good as acknowledged: somebody may have read it.
pub(crate) async fn open(engine: &dyn Engine, body: &str) -> Arc<dyn Partition> {
    let partition = engine.open(body).await.unwrap();
    say(&format!("open {body} {}", partition.epoch()));
    for writer in 0..WRITERS {
        acknowledge_what_is_there(&*partition, body, writer).await;
    }
    partition
}

/// Many rows come and go; what they took is given back while others write.
pub(crate) async fn come_and_go(partition: &Arc<dyn Partition>) {
    let all = |each: fn(Batch, RowKey) -> Batch| {
        (0..BULK).fold(Batch::new(), |batch, at| each(batch, bulk().bytes(&at.to_be_bytes())))
    };
    say("bulk coming");
    partition.apply(all(|batch, key| batch.put(key, vec![7; 1500]))).await.unwrap();
    say("bulk there");
    tokio::join!(all_count_up(partition, BODY, 3), async {
        say("bulk going");
        partition.apply(all(Batch::delete)).await.unwrap();
        say("bulk gone");
        while partition.compact().await.unwrap().more {}
    });
}

/// Writes to the body that is removed, removes it, and writes to it again.
pub(crate) async fn remove_and_make_anew(engine: &dyn Engine) {
    // Opened twice: what the first left is where the engine keeps it for good, the rest is in its log.
    for _ in 0..2 {
        let removed = open(engine, REMOVED).await;
        all_count_up(&removed, REMOVED, 4).await;
    }
    say("removing");
    assert!(engine.remove(REMOVED).await.unwrap());
    say("removed");
    let anew = open(engine, REMOVED).await;
    all_count_up(&anew, REMOVED, 2).await;
}

/// What was said of a body.
#[derive(Debug, Default)]
struct Told {
    epoch: u64,
    counts: HashMap<u8, u64>,
    version: u64,
}

fn told(said: &[String], body: &str) -> Told {
    let mut told = Told::default();
    let mut removing = false;
    for line in said {
        let words: Vec<&str> = line.split(' ').collect();
        match words[..] {
            ["open", of, epoch] if of == body => {
                // A removal that was cut short had come to its end.
                if removing && epoch == "1" {
                    told = Told::default();
                }
                (removing, told.epoch) = (false, epoch.parse().unwrap());
            }
            ["ack", of, writer, count, version] if of == body => {
                told.counts.insert(writer.parse().unwrap(), count.parse().unwrap());
                told.version = told.version.max(version.parse().unwrap());
            }
            ["removing"] => removing = body == REMOVED,
            ["removed"] if body == REMOVED => told = Told::default(),
            _ => {}
        }
    }
    told
}

/// Opens both bodies, and holds them against what was said before the cut.
pub(crate) async fn check_bodies(engine: &dyn Engine, said: &[String]) {
    let body = engine.open(BODY).await.unwrap();
    holds(&*body, &told(said, BODY)).await;
    let rows = body.count(&bulk()).await.unwrap();
    let bulk = said.iter().rev().find_map(|line| line.strip_prefix("bulk "));
    match bulk {
        None | Some("gone") => assert_eq!(rows, 0),
        Some("there") => assert_eq!(rows, u64::from(BULK)),
        _ => assert!(rows == 0 || rows == u64::from(BULK), "{rows}"),
    }
    let removed = engine.open(REMOVED).await.unwrap();
    let unchanged = said.iter().rev().find(|line| line.starts_with("remov") || line.contains(REMOVED));
    if unchanged.is_some_and(|line| line == "removing")
        && removed.count(&RowKey::new(Space::Document)).await.unwrap() == 0
    {
        assert_eq!(removed.count(&RowKey::new(Space::Outbox)).await.unwrap(), 0, "half removed");
    } else {
        holds(&*removed, &told(said, REMOVED)).await;
    }
    drop(removed);
    // It lives on, whatever was healed.
    for name in [BODY, REMOVED] {
        let partition = engine.open(name).await.unwrap();
        all_count_up(&partition, "again", 2).await;
        while partition.compact().await.unwrap().more {}
    }
}

async fn holds(partition: &dyn Partition, told: &Told) {
    assert!(partition.epoch() > told.epoch, "an epoch came again");
    for writer in 0..WRITERS {
        let (count, version) = counted(partition, writer).await;
        let acknowledged = told.counts.get(&writer).copied().unwrap_or(0);
        assert!(count >= acknowledged, "writer {writer} was told {acknowledged}, found {count}");
        assert!(count <= acknowledged + 1, "writer {writer} was told {acknowledged}, found {count}");
        assert_eq!(version.is_some(), count > 0);
    }
    let probe = RowKey::new(Space::Meta).bytes(b"probe");
    partition.apply(Batch::new().put(probe.clone(), vec![1])).await.unwrap();
    let version = partition.get_many(&[probe]).await.unwrap()[0].as_ref().unwrap().version;
    assert!(version > told.version, "a version came again: {version}");
}
