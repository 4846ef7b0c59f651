//! Writing and reading rows: atomicity, preconditions, versions, durability over reopening.

use chukei_store::{Batch, StoreError, batch};

use crate::stage::{Stage, all, key, put, value, version};

pub(crate) async fn keeps_what_it_acknowledged_over_reopening(stage: &Stage) {
    let partition = stage.open().await;
    partition.apply(put(b"a", b"1").put(key(b"b"), vec![])).await.unwrap();
    partition.apply(put(b"a", b"2").delete(key(b"b"))).await.unwrap();
    let before = version(&*partition, b"a").await;
    drop(partition);

    let partition = stage.open().await;
    assert_eq!(value(&*partition, b"a").await, Some(b"2".to_vec()));
    assert_eq!(value(&*partition, b"b").await, None);
    assert_eq!(version(&*partition, b"a").await, before);
}

pub(crate) async fn get_many_answers_in_the_order_of_the_keys(stage: &Stage) {
    let partition = stage.open().await;
    partition.apply(put(b"x", b"x").put(key(b"y"), b"y".to_vec())).await.unwrap();
    let found = partition.get_many(&[key(b"y"), key(b"-"), key(b"x"), key(b"y")]).await.unwrap();
    let found: Vec<_> = found.into_iter().map(|found| found.map(|found| found.value)).collect();
    assert_eq!(found, [Some(b"y".to_vec()), None, Some(b"x".to_vec()), Some(b"y".to_vec())]);
    assert!(partition.get_many(&[]).await.unwrap().is_empty());
}

pub(crate) async fn a_failed_precondition_fails_its_batch_alone_and_whole(stage: &Stage) {
    let partition = stage.open().await;
    partition.apply(put(b"there", b"1")).await.unwrap();

    // Queued together: they may share a commit, and must not share a fate.
    let first = partition.apply(put(b"first", b"1"));
    let absent = partition.apply(put(b"half", b"1").delete(key(b"first")).require_absent(key(b"there")));
    let stale = partition.apply(put(b"half", b"2").require_version(key(b"there"), 0));
    let missing = partition.apply(put(b"half", b"3").require_version(key(b"no"), 1));
    let last = partition.apply(put(b"last", b"1"));

    assert!(first.await.is_ok());
    assert!(matches!(absent.await, Err(StoreError::Conflict)));
    assert!(matches!(stale.await, Err(StoreError::Conflict)));
    assert!(matches!(missing.await, Err(StoreError::Conflict)));
    assert!(last.await.is_ok());
    assert_eq!(value(&*partition, b"half").await, None);
    assert_eq!(value(&*partition, b"first").await, Some(b"1".to_vec()));
    assert_eq!(value(&*partition, b"last").await, Some(b"1".to_vec()));
}

pub(crate) async fn preconditions_see_the_batches_queued_before(stage: &Stage) {
    let partition = stage.open().await;
    let claims: Vec<_> =
        (0..20u8).map(|who| partition.apply(put(b"seat", &[who]).require_absent(key(b"seat")))).collect();
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

pub(crate) async fn preconditions_are_checked_before_the_first_write(stage: &Stage) {
    let partition = stage.open().await;
    let batch = put(b"a", b"1").require_absent(key(b"a")).delete(key(b"b"));
    partition.apply(batch).await.unwrap();
    let first = version(&*partition, b"a").await;
    let moved = Batch::new()
        .delete(key(b"a"))
        .put(key(b"b"), b"1".to_vec())
        .require_version(key(b"a"), first)
        .require_absent(key(b"b"));
    partition.apply(moved.clone()).await.unwrap();
    assert!(matches!(partition.apply(moved).await, Err(StoreError::Conflict)));
    assert_eq!(value(&*partition, b"a").await, None);
    assert_eq!(value(&*partition, b"b").await, Some(b"1".to_vec()));
}

pub(crate) async fn a_version_never_comes_again_even_after_deletion(stage: &Stage) {
    let mut seen = Vec::new();
    for _ in 0..3 {
        let partition = stage.open().await;
        for _ in 0..3 {
            partition.apply(put(b"a", b"same")).await.unwrap();
            seen.push(version(&*partition, b"a").await);
            partition.apply(Batch::new().delete(key(b"a"))).await.unwrap();
        }
    }
    assert!(seen.is_sorted_by(|a, b| a < b), "{seen:?}");
}

pub(crate) async fn rows_of_one_batch_share_a_version_and_batches_grow_it(stage: &Stage) {
    let partition = stage.open().await;
    let queued: Vec<_> =
        (0..10u8).map(|i| partition.apply(put(&[i, 0], &[i]).put(key(&[i, 1]), vec![i]))).collect();
    for outcome in queued {
        outcome.await.unwrap();
    }
    let rows = partition.scan(&all(), None, 100).await.unwrap().rows;
    let versions: Vec<_> = rows.iter().map(|(_, row)| row.version).collect();
    assert!(versions.chunks(2).all(|pair| pair[0] == pair[1]), "{versions:?}");
    assert!(versions.chunks(2).is_sorted_by(|a, b| a[0] < b[0]), "{versions:?}");
}

pub(crate) async fn the_later_of_two_writes_in_a_batch_stands(stage: &Stage) {
    let partition = stage.open().await;
    partition.apply(put(b"a", b"1").delete(key(b"a")).put(key(b"a"), b"2".to_vec())).await.unwrap();
    partition.apply(put(b"b", b"1").delete(key(b"b"))).await.unwrap();
    assert_eq!(value(&*partition, b"a").await, Some(b"2".to_vec()));
    assert_eq!(value(&*partition, b"b").await, None);
}

pub(crate) async fn values_of_every_size_come_back_as_they_were(stage: &Stage) {
    let mut partition = stage.open().await;
    let sizes = [0, 1, 4095, 4096, 4097, 8192, 100_000, batch::MAX_VALUE_BYTES, 5000, 300_000, 0, 12_289];
    for (step, size) in sizes.into_iter().enumerate() {
        let wanted: Vec<u8> = (0..size).map(|at| u8::try_from((at / 7 + step) % 251).unwrap()).collect();
        partition.apply(put(b"row", &wanted).put(key(b"row neighbour"), vec![1; 10])).await.unwrap();
        assert!(value(&*partition, b"row").await.as_ref() == Some(&wanted), "{size} bytes");
        if step % 4 == 3 {
            drop(partition);
            partition = stage.open().await;
            assert!(value(&*partition, b"row").await == Some(wanted), "{size} bytes after reopening");
        }
    }
    partition.apply(Batch::new().delete(key(b"row"))).await.unwrap();
    assert_eq!(partition.scan(&all(), None, 10).await.unwrap().rows.len(), 1);
}

pub(crate) async fn a_dropped_future_does_not_take_the_batch_back(stage: &Stage) {
    let partition = stage.open().await;
    drop(partition.apply(put(b"dropped", b"1")));
    // Batches take effect in the order of the calls: the one before is done when this is.
    partition.apply(put(b"after", b"1")).await.unwrap();
    assert_eq!(value(&*partition, b"dropped").await, Some(b"1".to_vec()));
}

pub(crate) async fn dropping_the_last_handle_finishes_what_was_queued(stage: &Stage) {
    let partition = stage.open().await;
    let queued: Vec<_> = (0..50u8).map(|i| partition.apply(put(&[i], &[i]))).collect();
    drop(partition);
    for outcome in queued {
        outcome.await.unwrap();
    }
    assert_eq!(stage.open().await.scan(&all(), None, 100).await.unwrap().rows.len(), 50);
}

pub(crate) async fn bodies_do_not_see_each_other(stage: &Stage) {
    let engine = stage.engine().await;
    let one = engine.open("011002").await.unwrap();
    let other = engine.open("982024").await.unwrap();
    one.apply(put(b"a", b"one")).await.unwrap();
    other.apply(put(b"a", b"other").put(key(b"b"), b"other".to_vec())).await.unwrap();
    assert_eq!(value(&*one, b"a").await, Some(b"one".to_vec()));
    assert_eq!(value(&*one, b"b").await, None);
    assert_eq!(value(&*other, b"a").await, Some(b"other".to_vec()));
    assert_eq!(one.count(&all()).await.unwrap(), 1);
}
