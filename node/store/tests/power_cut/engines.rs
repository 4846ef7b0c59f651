//! The engines that keep bodies in files: opened, written, compacted, killed, begun again, and on a disk that fails.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use chukei_power_cut::{Fault, Found, Missing, Plan, child, faulty, run, say, start_anew, started_anew};
use chukei_store::{DataFolder, Engine, Partition, SledOptions, SqliteOptions};

use crate::bodies::{
    ATTEMPTS, BATCHES, BODY, LAST_OF_FIRST, WRITERS, acknowledge_what_is_there, all_count_up, check_bodies,
    come_and_go, counted, open, remove_and_make_anew, try_to_count_up,
};

const FAILING_SYNCS: Fault = Fault { calls: "fdatasync,fsync", error: "EIO" };
const FAULTS: &[Fault] = &[
    FAILING_SYNCS,
    Fault { calls: "pwrite64", error: "ENOSPC" },
    Fault { calls: "pwrite64,ftruncate", error: "EIO" },
];

type OpenEngine = fn(&DataFolder) -> Arc<dyn Engine>;

async fn live(folder: &Path, engine: OpenEngine) {
    if faulty() {
        return live_through_faults(folder, engine).await;
    }
    if !started_anew() {
        live_until_killed(folder, engine).await;
    }
    let data = DataFolder::open(&folder.join("data")).unwrap();
    let engine = engine(&data);
    let partition = open(&*engine, BODY).await;
    come_and_go(&partition).await;
    all_count_up(&partition, BODY, 3).await;
    remove_and_make_anew(&*engine).await;
}

/// Opens and writes, closes and opens again, and is killed while it writes.
async fn live_until_killed(folder: &Path, engine: OpenEngine) {
    for batches in [BATCHES, u64::MAX] {
        let data = DataFolder::open(&folder.join("data")).unwrap();
        let partition = open(&*engine(&data), BODY).await;
        let counted_to = counted(&*partition, 0).await.0 + BATCHES;
        let writers = tokio::spawn(async move {
            all_count_up(&partition, BODY, batches).await;
            partition
        });
        if batches == BATCHES {
            drop(writers.await.unwrap());
            continue;
        }
        while LAST_OF_FIRST.load(Ordering::Relaxed) < counted_to {
            tokio::task::yield_now().await;
        }
        panic!("{}", start_anew());
    }
}

/// The same writers while the disk fails now and then: they try again, and each comes to its end.
async fn live_through_faults(folder: &Path, engine: OpenEngine) {
    let data = at_last(async || DataFolder::open(&folder.join("data"))).await;
    let engine = engine(&data);
    for _ in 0..2 {
        let partition = at_last(async || engine.open(BODY).await).await;
        let writers =
            (0..WRITERS).map(|writer| tokio::spawn(count_or_recover(Arc::clone(&partition), writer)));
        for writer in writers.collect::<Vec<_>>() {
            writer.await.unwrap();
        }
    }
}

/// Counts up; after a failure waits until writes are taken again, and says what is found then.
async fn count_or_recover(partition: Arc<dyn Partition>, writer: u8) {
    let goal = counted(&*partition, writer).await.0 + BATCHES;
    while counted(&*partition, writer).await.0 < goal {
        let Err(error) = try_to_count_up(&*partition, BODY, writer).await else {
            // Where a sync failed before, an epoch is as durable as what is acknowledged under it.
            say(&format!("open {BODY} {}", partition.epoch()));
            continue;
        };
        assert!(["STOPPED", "DISK_FULL", "IO"].contains(&error.code()), "{error:?}");
        let mut attempts = 0..ATTEMPTS;
        while let Some(fault) = partition.recover().await {
            assert!(attempts.next().is_some(), "it never comes back: {fault:?}");
        }
        acknowledge_what_is_there(&*partition, BODY, writer).await;
    }
}

/// Tries until it succeeds; a fault that passes is over after a few calls.
async fn at_last<T, E: std::fmt::Debug>(attempt: impl AsyncFn() -> Result<T, E>) -> T {
    for _ in 0..ATTEMPTS {
        if let Ok(done) = attempt().await {
            return done;
        }
    }
    panic!("it never comes back: {:?}", attempt().await.err());
}

async fn check(folder: &Path, said: &[String], engine: OpenEngine) {
    let data = DataFolder::open(&folder.join("data")).unwrap();
    check_bodies(&*engine(&data), said).await;
}

fn trial(name: &str, engine: OpenEngine, plan: Plan) {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_time().build().unwrap();
    match child() {
        Some(folder) => runtime.block_on(live(&folder, engine)),
        None => {
            let check = |found: Found<'_>| runtime.block_on(check(found.folder, found.said, engine));
            run(&format!("engines::{name}"), plan, check).unwrap();
        }
    }
}

#[test]
fn sqlite_power_cut_loses_nothing_and_leaves_nothing_by_halves() {
    let engine = |data: &DataFolder| data.sqlite(SqliteOptions::default());
    let missing = &[
        Missing::Files("-wal"),
        Missing::Files(".sqlite"),
        Missing::Folders("bodies"),
        Missing::Folders("data"),
        Missing::Folders(""),
    ];
    let plan = Plan { cuts: 300, lives: 6, cuts_of_each: 30, missing, faults: FAULTS, faulty_lives: 2 };
    trial("sqlite_power_cut_loses_nothing_and_leaves_nothing_by_halves", engine, plan);
}

#[test]
fn sled_power_cut_loses_nothing_and_leaves_nothing_by_halves() {
    let engine = |data: &DataFolder| data.sled(SledOptions::default());
    let missing = &[Missing::Files("db"), Missing::Folders("bodies"), Missing::Folders("data")];
    // What sled could not write it refuses to read as well, until it was opened anew: only syncs fail here.
    let faults = &[FAILING_SYNCS];
    let plan = Plan { cuts: 300, lives: 6, cuts_of_each: 30, missing, faults, faulty_lives: 2 };
    trial("sled_power_cut_loses_nothing_and_leaves_nothing_by_halves", engine, plan);
}
