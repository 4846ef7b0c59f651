//! What every engine behind the seam must do. The cases know nothing of SQLite but its opener.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use chukei_store::partition::{MAX_GET_KEYS, MAX_SCAN_ROWS};
use chukei_store::{Batch, DataFolder, Partition, RowKey, Space, SqliteOptions, StoreError, batch, row};

async fn sqlite(dir: &Path) -> Arc<dyn Partition> {
    DataFolder::open(dir).unwrap().sqlite(SqliteOptions::default()).open("982016").await.unwrap()
}

fn key(name: &[u8]) -> RowKey {
    RowKey::new(Space::Document).bytes(name)
}

async fn value(partition: &dyn Partition, name: &[u8]) -> Option<Vec<u8>> {
    partition.get_many(&[key(name)]).await.unwrap().pop().unwrap().map(|found| found.value)
}

async fn version(partition: &dyn Partition, name: &[u8]) -> u64 {
    partition.get_many(&[key(name)]).await.unwrap()[0].as_ref().unwrap().version
}

fn names(page: &[(RowKey, chukei_store::Versioned)]) -> Vec<Vec<u8>> {
    page.iter().map(|(found, _)| found.strip(&RowKey::new(Space::Document)).unwrap().to_vec()).collect()
}

#[tokio::test]
async fn sqlite_keeps_what_it_acknowledged_over_reopening() {
    let dir = tempfile::tempdir().unwrap();
    let partition = sqlite(dir.path()).await;
    partition.apply(Batch::new().put(key(b"a"), b"1".to_vec()).put(key(b"b"), vec![])).await.unwrap();
    partition.apply(Batch::new().put(key(b"a"), b"2".to_vec()).delete(key(b"b"))).await.unwrap();
    let before = version(&*partition, b"a").await;
    drop(partition);

    let partition = sqlite(dir.path()).await;
    assert_eq!(value(&*partition, b"a").await, Some(b"2".to_vec()));
    assert_eq!(value(&*partition, b"b").await, None);
    assert_eq!(version(&*partition, b"a").await, before);
}

#[tokio::test]
async fn sqlite_get_many_answers_in_the_order_of_the_keys() {
    let dir = tempfile::tempdir().unwrap();
    let partition = sqlite(dir.path()).await;
    partition.apply(Batch::new().put(key(b"x"), b"x".to_vec()).put(key(b"y"), b"y".to_vec())).await.unwrap();
    let found = partition.get_many(&[key(b"y"), key(b"-"), key(b"x"), key(b"y")]).await.unwrap();
    let found: Vec<_> = found.into_iter().map(|found| found.map(|found| found.value)).collect();
    assert_eq!(found, [Some(b"y".to_vec()), None, Some(b"x".to_vec()), Some(b"y".to_vec())]);
    assert!(partition.get_many(&[]).await.unwrap().is_empty());
}

#[tokio::test]
async fn sqlite_a_failed_precondition_fails_its_batch_alone_and_whole() {
    let dir = tempfile::tempdir().unwrap();
    let partition = sqlite(dir.path()).await;
    partition.apply(Batch::new().put(key(b"there"), b"1".to_vec())).await.unwrap();

    // Queued together: they may share a commit, and must not share a fate.
    let first = partition.apply(Batch::new().put(key(b"first"), b"1".to_vec()));
    let absent = partition.apply(
        Batch::new().put(key(b"half"), b"1".to_vec()).delete(key(b"first")).require_absent(key(b"there")),
    );
    let stale =
        partition.apply(Batch::new().put(key(b"half"), b"2".to_vec()).require_version(key(b"there"), 0));
    let missing =
        partition.apply(Batch::new().put(key(b"half"), b"3".to_vec()).require_version(key(b"no"), 1));
    let last = partition.apply(Batch::new().put(key(b"last"), b"1".to_vec()));

    assert!(first.await.is_ok());
    assert!(matches!(absent.await, Err(StoreError::Conflict)));
    assert!(matches!(stale.await, Err(StoreError::Conflict)));
    assert!(matches!(missing.await, Err(StoreError::Conflict)));
    assert!(last.await.is_ok());
    assert_eq!(value(&*partition, b"half").await, None);
    assert_eq!(value(&*partition, b"first").await, Some(b"1".to_vec()));
    assert_eq!(value(&*partition, b"last").await, Some(b"1".to_vec()));
}

#[tokio::test]
async fn sqlite_preconditions_see_the_batches_queued_before() {
    let dir = tempfile::tempdir().unwrap();
    let partition = sqlite(dir.path()).await;
    let claims: Vec<_> = (0..20u8)
        .map(|who| partition.apply(Batch::new().put(key(b"seat"), vec![who]).require_absent(key(b"seat"))))
        .collect();
    let mut won = Vec::new();
    for (who, claim) in claims.into_iter().enumerate() {
        match claim.await {
            Ok(()) => won.push(who),
            Err(StoreError::Conflict) => {}
            Err(other) => panic!("{other}"),
        }
    }
    assert_eq!(won, [0], "the first in order of the calls, and nobody else");
    assert_eq!(value(&*partition, b"seat").await, Some(vec![0]));
}

#[tokio::test]
async fn sqlite_a_version_never_comes_again_even_after_deletion() {
    let dir = tempfile::tempdir().unwrap();
    let mut seen = Vec::new();
    for _ in 0..3 {
        let partition = sqlite(dir.path()).await;
        for _ in 0..3 {
            partition.apply(Batch::new().put(key(b"a"), b"same".to_vec())).await.unwrap();
            seen.push(version(&*partition, b"a").await);
            partition.apply(Batch::new().delete(key(b"a"))).await.unwrap();
        }
    }
    assert!(seen.is_sorted_by(|a, b| a < b), "{seen:?}");
}

#[tokio::test]
async fn sqlite_the_later_of_two_writes_in_a_batch_stands() {
    let dir = tempfile::tempdir().unwrap();
    let partition = sqlite(dir.path()).await;
    let batch = Batch::new().put(key(b"a"), b"1".to_vec()).delete(key(b"a")).put(key(b"a"), b"2".to_vec());
    partition.apply(batch).await.unwrap();
    partition.apply(Batch::new().put(key(b"b"), b"1".to_vec()).delete(key(b"b"))).await.unwrap();
    assert_eq!(value(&*partition, b"a").await, Some(b"2".to_vec()));
    assert_eq!(value(&*partition, b"b").await, None);
}

#[tokio::test]
async fn sqlite_scan_pages_through_one_prefix_only() {
    let dir = tempfile::tempdir().unwrap();
    let partition = sqlite(dir.path()).await;
    let mut batch = Batch::new();
    for name in [&b"a"[..], b"b", b"b\x00", b"b\x01", b"b\xff", b"b\xff\xff", b"c"] {
        batch = batch.put(key(name), name.to_vec());
    }
    let neighbours = batch.put(RowKey::new(Space::RecordId), vec![]).put(RowKey::new(Space::Page), vec![]);
    partition.apply(neighbours).await.unwrap();

    let page = partition.scan(&key(b"b"), None, 3).await.unwrap().rows;
    assert_eq!(names(&page), [&b"b"[..], b"b\x00", b"b\x01"]);
    assert_eq!(page[1].1.value, b"b\x00");
    let page = partition.scan(&key(b"b"), Some(&page[2].0), 3).await.unwrap().rows;
    assert_eq!(names(&page), [&b"b\xff"[..], b"b\xff\xff"], "a short page is the last");
    assert_eq!(
        names(&partition.scan(&key(b"b\xff"), None, 9).await.unwrap().rows),
        [&b"b\xff"[..], b"b\xff\xff"]
    );
    assert_eq!(names(&partition.scan(&key(b"b"), Some(&key(b"a")), 1).await.unwrap().rows), [b"b"]);
    assert!(partition.scan(&key(b"b"), Some(&key(b"c")), 9).await.unwrap().rows.is_empty());
    assert_eq!(partition.scan(&RowKey::new(Space::Document), None, 100).await.unwrap().rows.len(), 7);
    assert!(partition.scan(&key(b"b"), None, 0).await.unwrap().rows.is_empty());
}

#[tokio::test]
async fn sqlite_everything_has_a_limit() {
    let dir = tempfile::tempdir().unwrap();
    let partition = sqlite(dir.path()).await;
    let big = vec![7; batch::MAX_VALUE_BYTES];
    let bigger = vec![7; batch::MAX_VALUE_BYTES + 1];
    let long = key(&vec![1; row::MAX_KEY_BYTES]);
    let too_large = |outcome| assert!(matches!(outcome, Err(StoreError::TooLarge)));

    partition.apply(Batch::new().put(key(b"big"), big.clone())).await.unwrap();
    assert_eq!(value(&*partition, b"big").await, Some(big.clone()));
    too_large(partition.apply(Batch::new().put(key(b"bigger"), bigger)).await);
    too_large(partition.apply(Batch::new().require_absent(long)).await);
    let many = (0..=batch::MAX_BATCH_STEPS).fold(Batch::new(), |batch, _| batch.delete(key(b"x")));
    too_large(partition.apply(many).await);
    let heavy = (0..16u8).fold(Batch::new(), |batch, i| batch.put(key(&[i]), big.clone()));
    too_large(partition.apply(heavy).await);
    assert!(matches!(
        partition.get_many(&vec![key(b"x"); MAX_GET_KEYS + 1]).await,
        Err(StoreError::TooLarge)
    ));
    assert!(matches!(partition.scan(&key(b""), None, MAX_SCAN_ROWS + 1).await, Err(StoreError::TooLarge)));
}

#[tokio::test]
async fn sqlite_dropping_the_last_handle_finishes_what_was_queued() {
    let dir = tempfile::tempdir().unwrap();
    let partition = sqlite(dir.path()).await;
    let queued: Vec<_> = (0..50u8).map(|i| partition.apply(Batch::new().put(key(&[i]), vec![i]))).collect();
    drop(partition);
    for outcome in queued {
        outcome.await.unwrap();
    }
    assert_eq!(sqlite(dir.path()).await.scan(&key(b""), None, 100).await.unwrap().rows.len(), 50);
}

/// R31: whatever a writer does meanwhile, a reader sees a batch in all its rows or in none.
#[test]
fn sqlite_r31_a_reader_sees_one_version_wholly_old_or_wholly_new() {
    const ROWS: u8 = 8;
    const ROUNDS: u64 = 300;
    let dir = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    let partition = runtime.block_on(sqlite(dir.path()));
    let all = |round: u64| {
        (0..ROWS).fold(Batch::new(), |batch, i| batch.put(key(&[i]), round.to_be_bytes().repeat(40)))
    };
    runtime.block_on(partition.apply(all(0))).unwrap();
    let done = AtomicBool::new(false);
    let keys: Vec<_> = (0..ROWS).map(|i| key(&[i])).collect();
    let distinct: usize = std::thread::scope(|scope| {
        let readers = [0, 1].map(|which| {
            let (runtime, partition, done, keys) = (&runtime, &partition, &done, &keys);
            scope.spawn(move || {
                let mut last = 0;
                let mut distinct = 0;
                while !done.load(Ordering::Acquire) {
                    let rows: Vec<_> = if which == 0 {
                        runtime
                            .block_on(partition.get_many(keys))
                            .unwrap()
                            .into_iter()
                            .map(Option::unwrap)
                            .collect()
                    } else {
                        runtime
                            .block_on(partition.scan(&key(b""), None, 100))
                            .unwrap()
                            .rows
                            .into_iter()
                            .map(|(_, row)| row)
                            .collect()
                    };
                    assert_eq!(rows.len(), usize::from(ROWS));
                    assert!(rows.iter().all(|row| *row == rows[0]), "a batch was seen in part");
                    assert!(rows[0].version >= last, "time ran backwards");
                    distinct += usize::from(rows[0].version > last);
                    last = rows[0].version;
                }
                distinct
            })
        });
        for round in 1..=ROUNDS {
            runtime.block_on(partition.apply(all(round))).unwrap();
        }
        done.store(true, Ordering::Release);
        readers.map(|reader| reader.join().unwrap()).iter().sum()
    });
    assert!(distinct >= 2, "both readers saw something");
}

#[tokio::test]
async fn sqlite_gives_space_back_to_the_disk() {
    let dir = tempfile::tempdir().unwrap();
    let size = || std::fs::metadata(dir.path().join("bodies/982016.sqlite")).unwrap().len();
    let partition = sqlite(dir.path()).await;
    let fill = (0..1500u32).fold(Batch::new(), |batch, i| batch.put(key(&i.to_be_bytes()), vec![1; 8000]));
    partition.apply(fill).await.unwrap();
    drop(partition);
    let full = size();
    assert!(full > 12_000_000);

    let partition = sqlite(dir.path()).await;
    let empty = (0..1500u32).fold(Batch::new(), |batch, i| batch.delete(key(&i.to_be_bytes())));
    partition.apply(empty).await.unwrap();
    while partition.compact().await.unwrap().more {}
    drop(partition);
    assert!(size() < full / 2, "{} of {full} bytes are left", size());
}

/// A lock held from outside keeps the writer waiting: what does not fit into the queue is turned away at once.
#[tokio::test]
async fn sqlite_a_full_queue_gives_busy_and_loses_nothing_that_it_took() {
    let dir = tempfile::tempdir().unwrap();
    let partition = sqlite(dir.path()).await;
    let outsider = rusqlite::Connection::open(dir.path().join("bodies/982016.sqlite")).unwrap();
    outsider.execute_batch("BEGIN IMMEDIATE").unwrap();
    let queued: Vec<_> =
        (0..1500u32).map(|i| partition.apply(Batch::new().put(key(&i.to_be_bytes()), vec![1]))).collect();
    outsider.execute_batch("ROLLBACK").unwrap();
    let mut taken = 0;
    for outcome in queued {
        match outcome.await {
            Ok(()) => taken += 1,
            Err(StoreError::Busy) => {}
            Err(other) => panic!("{other}"),
        }
    }
    assert!((1024..=1280).contains(&taken), "{taken}");
    let mut found = 0;
    let mut after = None;
    loop {
        let page = partition.scan(&key(b""), after.as_ref(), MAX_SCAN_ROWS).await.unwrap().rows;
        found += page.len();
        after = page.last().map(|(key, _)| key.clone());
        if page.len() < MAX_SCAN_ROWS {
            break;
        }
    }
    assert_eq!(found, taken);
}
