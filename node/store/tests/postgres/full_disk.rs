//! A server whose disk is full: what its engine is told, what is still read, and that space is enough to go on.
//!
//! The disk is a small file system in memory, which only a privileged process may mount: elsewhere these tests are
//! skipped; with `CHUKEI_REQUIRE_SERVICES=1` they fail.

use std::time::{Duration, Instant};

use chukei_postgres_server::{PostgresServer, available};
use chukei_store::{Batch, Partition, StoreError, WriteFault};

use crate::fixture::{fresh_on, key, put, with_roles};

/// The cluster itself takes some sixty of them.
const DISK_MIB: u32 = 192;
const PATIENCE: Duration = Duration::from_secs(60);

fn on_small_disk(test: &str) -> Option<PostgresServer> {
    if !available(test) {
        return None;
    }
    let server = PostgresServer::on_small_disk(DISK_MIB).unwrap();
    if server.is_none() {
        let required = std::env::var_os("CHUKEI_REQUIRE_SERVICES").is_some_and(|value| value == "1");
        assert!(!required, "{test}: a file system in memory is needed");
        eprintln!("{test}: skipped, because a file system in memory may not be mounted here");
    }
    server.inspect(|server| with_roles(server).unwrap())
}

/// A value that does not become smaller.
fn value(number: u32) -> Vec<u8> {
    let mut state = number.wrapping_add(1);
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state.to_be_bytes()
    };
    (0..15_000).flat_map(|_| next()).collect()
}

fn name(number: u32) -> [u8; 4] {
    number.to_be_bytes()
}

fn large(number: u32) -> Batch {
    put(&name(number), &value(number))
}

/// All of these, as they were written.
async fn check(partition: &dyn Partition, there: &[u32]) {
    for number in there {
        let found = partition.get_many(&[key(&name(*number))]).await.unwrap().pop().unwrap();
        assert!(found.is_some_and(|row| row.value == value(*number)), "{number} was acknowledged");
    }
}

async fn until_well(partition: &dyn Partition) {
    let until = Instant::now() + PATIENCE;
    while let Some(fault) = partition.recover().await {
        assert!(Instant::now() < until, "{fault}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_a_disk_without_space_refuses_batches_and_is_read_until_there_is_some() {
    let test = "postgres_a_disk_without_space_refuses_batches_and_is_read_until_there_is_some";
    let Some(server) = on_small_disk(test) else { return };
    let partition = fresh_on(&server).await.engine().await.open("982016").await.unwrap();
    let mut there: Vec<u32> = (0..10).collect();
    for number in &there {
        partition.apply(large(*number)).await.unwrap();
    }
    server.fill_disk().unwrap();
    let refused = loop {
        match partition.apply(large(there.len() as u32)).await {
            Ok(()) => there.push(there.len() as u32),
            Err(error) => break error,
        }
    };
    assert!(matches!(refused, StoreError::DiskFull), "{refused}: {}", server.log_tail());
    assert_eq!(partition.fault(), Some(WriteFault::DiskFull));
    check(&*partition, &there).await;
    server.empty_disk().unwrap();
    until_well(&*partition).await;
    partition.apply(large(there.len() as u32)).await.unwrap();
    there.push(there.len() as u32);
    check(&*partition, &there).await;
    assert_eq!(partition.fault(), None);
}

/// Without space for its log the server stops at once, and by itself does not come back before there is some.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_a_server_without_space_for_its_log_is_out_of_reach_and_loses_nothing() {
    let test = "postgres_a_server_without_space_for_its_log_is_out_of_reach_and_loses_nothing";
    let Some(mut server) = on_small_disk(test) else { return };
    let mut fresh = fresh_on(&server).await;
    fresh.options.try_within = Duration::from_secs(1);
    let partition = fresh.engine().await.open("982016").await.unwrap();
    let mut there: Vec<u32> = (0..10).collect();
    for number in &there {
        partition.apply(large(*number)).await.unwrap();
    }
    let small = |number: u32| put(b"small", &number.to_be_bytes());
    let (mut last, mut number) = (0u32, 0u32);
    partition.apply(small(number)).await.unwrap();
    server.fill_disk().unwrap();
    let refused = loop {
        number += 1;
        // The rest of what the log has room for is given up, so that the next batch needs more. The server may be gone.
        let _ = tokio::task::block_in_place(|| server.sql("postgres", "SELECT pg_switch_wal()"));
        match partition.apply(small(number)).await {
            Ok(()) => last = number,
            Err(StoreError::DiskFull) => {}
            Err(error) => break error,
        }
    };
    assert!(matches!(refused, StoreError::Unreachable), "{refused}");
    assert!(server.log().contains("PANIC"), "{}", server.log_tail());
    assert_eq!(partition.fault(), Some(WriteFault::Unreachable));

    // It tries to recover, for which it needs space for its log as well, and gives up: whoever looks after it starts it
    // again, and then nobody has to help the engine.
    let until = Instant::now() + PATIENCE;
    while !server.has_ended().unwrap() {
        assert!(Instant::now() < until, "{}", server.log_tail());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(partition.recover().await, Some(WriteFault::Unreachable));
    server.empty_disk().unwrap();
    tokio::task::block_in_place(|| server.begin()).unwrap();
    until_well(&*partition).await;
    check(&*partition, &there).await;
    let found = partition.get_many(&[key(b"small")]).await.unwrap().pop().unwrap().unwrap();
    // The batch without an answer may be there.
    let kept = [last.to_be_bytes().to_vec(), number.to_be_bytes().to_vec()];
    assert!(kept.contains(&found.value));
    partition.apply(large(10)).await.unwrap();
    there.push(10);
    check(&*partition, &there).await;
    assert_eq!(partition.fault(), None);
}
