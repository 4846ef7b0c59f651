//! What the seam promises, in short: what all engines share is held by one suite for all of them.

use std::sync::Arc;

use chukei_store::partition::MAX_SCAN_BYTES;
use chukei_store::{Batch, RowKey, Space, StoreError};

use crate::fixture::{fresh, key, put, value};

#[tokio::test]
async fn postgres_keeps_what_it_acknowledged_over_reopening() {
    let Some(fresh) = fresh("postgres_keeps_what_it_acknowledged_over_reopening").await else { return };
    let partition = fresh.engine().await.open("982016").await.unwrap();
    let first = partition.epoch();
    partition.apply(put(b"a", b"1").put(key(b"b"), vec![])).await.unwrap();
    partition.apply(put(b"a", b"2").delete(key(b"b"))).await.unwrap();
    let before = partition.get_many(&[key(b"a")]).await.unwrap();
    drop(partition);

    let engine = fresh.engine().await;
    let partition = engine.open("982016").await.unwrap();
    assert!(partition.epoch() > first);
    assert_eq!(partition.get_many(&[key(b"a")]).await.unwrap(), before);
    assert_eq!(value(&*partition, b"b").await, None);
    let again = engine.open("982016").await.unwrap();
    assert!(Arc::ptr_eq(&again, &partition), "open already");
}

#[tokio::test]
async fn postgres_judges_preconditions_batch_after_batch_within_a_group() {
    let Some(fresh) = fresh("postgres_judges_preconditions_batch_after_batch_within_a_group").await else {
        return;
    };
    let partition = fresh.engine().await.open("982016").await.unwrap();
    // Queued together: a first one keeps the task busy while the others gather behind it.
    let queued = [
        partition.apply(put(b"x", b"0")),
        partition.apply(put(b"a", b"1").require_absent(key(b"a"))),
        partition.apply(put(b"a", b"2").require_absent(key(b"a"))),
        partition.apply(Batch::new().delete(key(b"a"))),
        partition.apply(put(b"a", b"3").put(key(b"a"), b"4".to_vec()).require_absent(key(b"a"))),
        partition.apply(put(b"c", b"5").require_version(key(b"a"), 1)),
    ];
    let mut outcomes = Vec::new();
    for outcome in queued {
        outcomes.push(match outcome.await {
            Ok(()) => true,
            Err(StoreError::Conflict) => false,
            Err(error) => panic!("{error}"),
        });
    }
    assert_eq!(outcomes, [true, true, false, true, true, false]);
    assert_eq!(value(&*partition, b"a").await, Some(b"4".to_vec()));
    assert_eq!(value(&*partition, b"c").await, None);
    let version = partition.get_many(&[key(b"a")]).await.unwrap()[0].as_ref().unwrap().version;
    partition.apply(put(b"a", b"6").require_version(key(b"a"), version)).await.unwrap();
    let stale = partition.apply(put(b"a", b"7").require_version(key(b"a"), version)).await;
    assert!(matches!(stale, Err(StoreError::Conflict)));
}

#[tokio::test]
async fn postgres_pages_are_in_order_and_bounded_in_rows_and_bytes() {
    let Some(fresh) = fresh("postgres_pages_are_in_order_and_bounded_in_rows_and_bytes").await else {
        return;
    };
    let partition = fresh.engine().await.open("982016").await.unwrap();
    let batch = (0..30u8).fold(Batch::new(), |batch, i| batch.put(key(&[i]), vec![i; 100]));
    partition.apply(batch.put(RowKey::new(Space::Notice), vec![1])).await.unwrap();
    let prefix = RowKey::new(Space::Document);
    let (mut after, mut names) = (None, Vec::new());
    loop {
        let page = partition.scan(&prefix, after.as_ref(), 7).await.unwrap();
        assert!(page.rows.len() <= 7 && (page.rows.len() == 7 || !page.more));
        names.extend(page.rows.iter().map(|(key, _)| key.as_bytes()[1]));
        after = page.next();
        if after.is_none() {
            break;
        }
    }
    assert_eq!(names, (0..30).collect::<Vec<u8>>());
    assert_eq!(partition.count(&prefix).await.unwrap(), 30);
    assert!(partition.usage().await.unwrap().bytes > 3_000);

    let large = vec![7; MAX_SCAN_BYTES / 8];
    for i in 0..20u8 {
        partition.apply(Batch::new().put(RowKey::new(Space::Page).bytes(&[i]), large.clone())).await.unwrap();
    }
    let page = partition.scan(&RowKey::new(Space::Page), None, 1000).await.unwrap();
    assert_eq!((page.rows.len(), page.more), (8, true), "ended by its bytes");
    let rest = partition.scan(&RowKey::new(Space::Page), page.next().as_ref(), 12).await.unwrap();
    assert_eq!((rest.rows.len(), rest.more), (8, true));
    let rest = partition.scan(&RowKey::new(Space::Page), rest.next().as_ref(), 12).await.unwrap();
    assert_eq!((rest.rows.len(), rest.more), (4, false));
}

#[tokio::test]
async fn postgres_removes_a_body_wholly_and_keeps_its_epoch() {
    let Some(fresh) = fresh("postgres_removes_a_body_wholly_and_keeps_its_epoch").await else { return };
    let engine = fresh.engine().await;
    assert!(!engine.remove("982016").await.unwrap());
    let partition = engine.open("982016").await.unwrap();
    let epoch = partition.epoch();
    let batch = (0..9000u32).fold(Batch::new(), |batch, i| batch.put(key(&i.to_be_bytes()), vec![1]));
    partition.apply(batch).await.unwrap();
    assert!(matches!(engine.remove("982016").await, Err(StoreError::Owned)), "it is open");
    drop(partition);
    assert!(engine.remove("982016").await.unwrap());
    assert!(!engine.remove("982016").await.unwrap());
    let partition = engine.open("982016").await.unwrap();
    assert_eq!(partition.count(&RowKey::new(Space::Document)).await.unwrap(), 0);
    assert!(partition.epoch() > epoch);
}
