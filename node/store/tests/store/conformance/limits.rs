//! Limits: of keys, values, batches, pages, names and of what waits.

use chukei_store::partition::{MAX_GET_KEYS, MAX_SCAN_ROWS};
use chukei_store::{Batch, StoreError, batch, row};

use crate::stage::{Stage, all, key, put, value};

pub(crate) async fn everything_has_a_limit(stage: &Stage) {
    let partition = stage.open().await;
    let big = vec![7; batch::MAX_VALUE_BYTES];
    let bigger = vec![7; batch::MAX_VALUE_BYTES + 1];
    let long = key(&vec![1; row::MAX_KEY_BYTES]);
    let too_large = |outcome| assert!(matches!(outcome, Err(StoreError::TooLarge)));

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
    assert!(matches!(partition.scan(&all(), None, MAX_SCAN_ROWS + 1).await, Err(StoreError::TooLarge)));
    assert_eq!(partition.count(&all()).await.unwrap(), 0, "nothing of what was refused");
}

pub(crate) async fn the_largest_batch_is_taken(stage: &Stage) {
    let partition = stage.open().await;
    let longest = vec![1; row::MAX_KEY_BYTES - 1];
    let heavy =
        (0..15u8).fold(Batch::new(), |batch, i| batch.put(key(&[i]), vec![i; batch::MAX_VALUE_BYTES]));
    partition.apply(heavy.put(key(&longest), vec![1])).await.unwrap();
    assert!(value(&*partition, &[9]).await == Some(vec![9; batch::MAX_VALUE_BYTES]));
    assert_eq!(value(&*partition, &longest).await, Some(vec![1]));
    let steps = u32::try_from(batch::MAX_BATCH_STEPS).unwrap();
    let many = (0..steps).fold(Batch::new(), |batch, i| batch.put(key(&i.to_be_bytes()), vec![]));
    partition.apply(many).await.unwrap();
    let keys: Vec<_> = (0..1024u32).map(|i| key(&i.to_be_bytes())).collect();
    assert!(partition.get_many(&keys).await.unwrap().iter().all(Option::is_some));
}

/// Nobody waits to be queued (R40): batches that come faster than any disk takes them are turned away at some point.
pub(crate) async fn a_full_queue_gives_busy_and_loses_nothing_that_it_took(stage: &Stage) {
    let partition = stage.open().await;
    let mut queued = Vec::new();
    let weight = vec![3; 4096];
    for i in 0..20_000u32 {
        queued.push((i, partition.apply(put(&i.to_be_bytes(), &weight))));
    }
    let mut taken = Vec::new();
    let mut busy = 0;
    for (i, outcome) in queued {
        match outcome.await {
            Ok(()) => taken.push(key(&i.to_be_bytes())),
            Err(StoreError::Busy) => busy += 1,
            Err(other) => panic!("{other}"),
        }
    }
    assert!(busy > 0, "20,000 batches were queued at once");
    assert_eq!(partition.count(&all()).await.unwrap(), taken.len() as u64);
    for keys in taken.chunks(MAX_GET_KEYS) {
        assert!(partition.get_many(keys).await.unwrap().iter().all(Option::is_some));
    }
    partition.apply(put(b"again", b"1")).await.unwrap();
}

pub(crate) async fn names_that_are_none_are_refused(stage: &Stage) {
    let engine = stage.engine().await;
    for name in ["", "..", "a/b", "../982016", "A", "982016.x", "a\0b", &"9".repeat(65)] {
        assert!(matches!(engine.open(name).await, Err(StoreError::BadName)), "{name}");
        assert!(matches!(engine.remove(name).await, Err(StoreError::BadName)), "{name}");
    }
    assert!(engine.open(&"9".repeat(64)).await.is_ok());
}
