//! A primary and a synchronous replica: when the primary is gone and the replica is promoted, what was acknowledged is
//! there, once, and the node goes on by itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use chukei_postgres_server::{Connection, PostgresServer, available};
use chukei_store::{Batch, Engine, Partition, PostgresEngine, PostgresOptions, RowKey, Space, StoreError};

use crate::fixture::{DATABASE, NODE, fresh_on, key, open_when_free, put, started, value};

/// From the loss of the primary to the first batch that is acknowledged again.
const BACK_WITHIN: Duration = Duration::from_secs(10);

struct Pair {
    primary: PostgresServer,
    replica: PostgresServer,
    options: PostgresOptions,
}

async fn pair() -> Pair {
    let primary = started().unwrap();
    let fresh = fresh_on(&primary).await;
    let replica = primary.synchronous_replica().unwrap();
    let url = PostgresServer::url_of(&[&primary, &replica], NODE, DATABASE, Connection::Socket);
    let options = PostgresOptions { url, ..fresh.options };
    Pair { primary, replica, options }
}

struct Load {
    stop: Arc<AtomicBool>,
    writers: Vec<tokio::task::JoinHandle<Vec<Written>>>,
}

/// A row that was written, and when that was acknowledged.
type Written = (RowKey, Instant);

impl Load {
    /// Writers that insert rows one after another, none of which may be there before.
    fn on(partition: &Arc<dyn Partition>) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let writers = (0..8u8)
            .map(|writer| {
                let (partition, stop) = (Arc::clone(partition), Arc::clone(&stop));
                tokio::spawn(async move {
                    let mut acknowledged = Vec::new();
                    for number in 0u32.. {
                        if stop.load(Ordering::SeqCst) {
                            break;
                        }
                        let name = key(&[&[writer][..], &number.to_be_bytes()].concat());
                        let batch =
                            Batch::new().put(name.clone(), vec![writer; 300]).require_absent(name.clone());
                        // A conflict would mean that a batch was written and then tried again.
                        partition.apply(batch).await.unwrap();
                        acknowledged.push((name, Instant::now()));
                    }
                    acknowledged
                })
            })
            .collect();
        Self { stop, writers }
    }

    async fn end(self) -> Vec<Written> {
        self.stop.store(true, Ordering::SeqCst);
        let mut all = Vec::new();
        for writer in self.writers {
            all.extend(writer.await.unwrap());
        }
        all
    }
}

async fn everything_is_there(partition: &dyn Partition, acknowledged: &[Written]) {
    for rows in acknowledged.chunks(1000) {
        let keys: Vec<_> = rows.iter().map(|(name, _)| name.clone()).collect();
        let found = partition.get_many(&keys).await.unwrap();
        assert!(found.iter().all(Option::is_some), "an acknowledged batch is lost");
    }
    let there = partition.count(&RowKey::new(Space::Document)).await.unwrap();
    assert_eq!(there, acknowledged.len() as u64, "nothing else is there");
}

fn back_after(lost: Instant, acknowledged: &[Written], promoted: Instant) -> Duration {
    let first = acknowledged.iter().map(|(_, at)| *at).filter(|at| *at > promoted).min();
    first.expect("writers went on").duration_since(lost)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_promotes_a_replica_under_load_and_loses_nothing_that_was_acknowledged() {
    if !available("postgres_promotes_a_replica_under_load_and_loses_nothing_that_was_acknowledged") {
        return;
    }
    let mut pair = pair().await;
    let engine = PostgresEngine::connect(pair.options.clone()).await.unwrap();
    let partition = engine.open("982016").await.unwrap();
    let epoch = partition.epoch();
    let load = Load::on(&partition);
    tokio::time::sleep(Duration::from_millis(700)).await;
    let lost = Instant::now();
    tokio::task::block_in_place(|| {
        pair.primary.crash().unwrap();
        pair.replica.promote().unwrap();
    });
    let promoted = Instant::now();
    partition.apply(Batch::new().put(RowKey::new(Space::Meta), vec![])).await.unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    let acknowledged = load.end().await;
    let back = back_after(lost, &acknowledged, promoted);
    eprintln!("back after {back:?}, promoted after {:?}", promoted - lost);
    assert!(back < BACK_WITHIN, "{back:?}");
    everything_is_there(&*partition, &acknowledged).await;
    assert_eq!((partition.fault(), partition.epoch()), (None, epoch), "it owns the body still");
}

/// The primary hangs instead of dying: nobody's connection is told.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_leaves_a_primary_that_hangs_for_the_replica_that_was_promoted() {
    if !available("postgres_leaves_a_primary_that_hangs_for_the_replica_that_was_promoted") {
        return;
    }
    let pair = pair().await;
    let engine = PostgresEngine::connect(pair.options.clone()).await.unwrap();
    let partition = engine.open("982016").await.unwrap();
    let load = Load::on(&partition);
    tokio::time::sleep(Duration::from_millis(500)).await;
    let lost = Instant::now();
    tokio::task::block_in_place(|| {
        pair.primary.freeze().unwrap();
        pair.replica.promote().unwrap();
    });
    let promoted = Instant::now();
    partition.apply(Batch::new().put(RowKey::new(Space::Meta), vec![])).await.unwrap();
    let acknowledged = load.end().await;
    let back = back_after(lost, &acknowledged, promoted);
    eprintln!("back after {back:?}");
    assert!(back < BACK_WITHIN, "{back:?}");
    everything_is_there(&*partition, &acknowledged).await;
}

/// Whatever a role's settings say, a commit waits for the replica.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_acknowledges_nothing_that_the_synchronous_replica_has_not() {
    if !available("postgres_acknowledges_nothing_that_the_synchronous_replica_has_not") {
        return;
    }
    let mut pair = pair().await;
    pair.primary.sql(DATABASE, &format!("ALTER ROLE {NODE} SET synchronous_commit = off")).unwrap();
    pair.options.statement_timeout = Duration::from_secs(1);
    pair.options.try_within = Duration::from_secs(1);
    let engine = PostgresEngine::connect(pair.options.clone()).await.unwrap();
    let partition = engine.open("982016").await.unwrap();
    partition.apply(put(b"a", b"1")).await.unwrap();
    pair.replica.freeze().unwrap();
    assert!(matches!(partition.apply(put(b"a", b"2")).await, Err(StoreError::Unreachable)));
    pair.replica.thaw().unwrap();
    while partition.recover().await.is_some() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    partition.apply(put(b"a", b"3")).await.unwrap();
    assert_eq!(value(&*partition, b"a").await, Some(b"3".to_vec()));
}

/// The primary and the node beside it are lost together: another node takes the body over on the promoted replica.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_another_node_takes_over_on_the_promoted_replica() {
    if !available("postgres_another_node_takes_over_on_the_promoted_replica") {
        return;
    }
    let mut pair = pair().await;
    let lost_node = PostgresEngine::connect(pair.options.clone()).await.unwrap();
    let other_node = PostgresEngine::connect(pair.options.clone()).await.unwrap();
    let stale = lost_node.open("982016").await.unwrap();
    stale.apply(put(b"a", b"1")).await.unwrap();
    assert!(matches!(other_node.open("982016").await, Err(StoreError::Owned)));
    let lost = Instant::now();
    tokio::task::block_in_place(|| {
        pair.primary.crash().unwrap();
        pair.replica.promote().unwrap();
        // What a node that is cut off does not do any more: renew.
        let silence = format!("UPDATE {}.leases SET owner = 'cut off'", pair.options.schema);
        pair.replica.sql(DATABASE, &silence).unwrap();
    });
    let partition = open_when_free(&*other_node, "982016").await;
    assert!(lost.elapsed() < BACK_WITHIN, "{:?}", lost.elapsed());
    assert_eq!(value(&*partition, b"a").await, Some(b"1".to_vec()));
    partition.apply(put(b"a", b"2")).await.unwrap();
    assert!(matches!(stale.apply(put(b"a", b"stale")).await, Err(StoreError::Fenced)));
    assert_eq!(value(&*partition, b"a").await, Some(b"2".to_vec()));
}
