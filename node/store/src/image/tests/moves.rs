//! Moves while rows are written.

use std::sync::atomic::{AtomicBool, Ordering};

use super::*;
use crate::error::StoreError;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_a_move_under_writes_loses_nothing_that_was_acknowledged() {
    let stage = Stage::new();
    let observed = stage.observed().await;
    fill(&*observed, 0..2_000, 1).await;
    let stop = Arc::new(AtomicBool::new(false));
    let writing = tokio::spawn({
        let (observed, stop) = (observed.clone(), stop.clone());
        async move {
            let mut acknowledged = Content::new();
            let mut number = 0_u64;
            while !stop.load(Ordering::Acquire) {
                number += 1;
                let value = number.to_be_bytes().to_vec();
                let batch = Batch::new().put(key(10_000 + number % 700), value.clone());
                observed.apply(batch).await.unwrap();
                acknowledged.insert(key(10_000 + number % 700), value);
            }
            acknowledged
        }
    });
    let target = stage.partition("target").await;
    let moved = move_rows(
        &observed,
        (target.clone(), EngineKind::Sqlite),
        &|_| {},
        &mut RowsAlone(|| async { Ok(()) }),
    )
    .await
    .unwrap();
    fill(&*observed, 5_000..5_001, 7).await;
    stop.store(true, Ordering::Release);
    let acknowledged = writing.await.unwrap();
    assert!(moved.records >= 2_000);
    let now = content(&*target).await;
    assert!(acknowledged.iter().all(|(key, value)| now.get(key) == Some(value)));
    assert!((0..2_000).all(|number| now.contains_key(&key(number))));
    assert_eq!(now, content(&*observed).await, "the new place is the one that is written");

    let old = stage.partition(BODY).await;
    assert!(matches!(Observed::over(old.clone(), EngineKind::Sqlite).await, Err(ImageError::MovedAway)));
    assert!(!content(&*old).await.contains_key(&key(5_000)));
    empty_old_place(&*old).await.unwrap();
    assert!(content(&*old).await.is_empty());
    assert!(
        matches!(Observed::over(old, EngineKind::Sqlite).await, Err(ImageError::MovedAway)),
        "the mark stays"
    );
    assert_eq!(Observed::over(target, EngineKind::Sqlite).await.unwrap().epoch(), observed.epoch());
}

/// Where it cannot be made durable that the rows are elsewhere, everything goes on where it was, and the next try
/// begins over what was left.
#[tokio::test]
async fn sqlite_a_move_that_is_not_committed_leaves_everything_where_it_was() {
    let stage = Stage::new();
    let observed = stage.observed().await;
    fill(&*observed, 0..100, 1).await;
    let target = stage.partition("target").await;
    let mut along = RowsAlone(|| async { Err(ImageError::Store(StoreError::DiskFull)) });
    let refused = move_rows(&observed, (target.clone(), EngineKind::Sqlite), &|_| {}, &mut along);
    assert!(refused.await.is_err());
    fill(&*observed, 100..101, 2).await;
    observed.apply(Batch::new().delete(key(0))).await.unwrap();
    assert!(matches!(Observed::over(target.clone(), EngineKind::Sqlite).await, Err(ImageError::Unfinished)));
    assert!(!content(&*target).await.contains_key(&key(100)));
    move_rows(&observed, (target.clone(), EngineKind::Sqlite), &|_| {}, &mut RowsAlone(|| async { Ok(()) }))
        .await
        .unwrap();
    let now = content(&*target).await;
    assert!(now.contains_key(&key(100)) && !now.contains_key(&key(0)));
}

#[test]
fn the_place_of_rows_is_one_engine_whatever_line_stands_there() {
    let dir = tempfile::tempdir().unwrap();
    let (sqlite, sled) = (EngineKind::Sqlite, EngineKind::Sled);
    let may = |engine, other| check_engine(dir.path(), BODY, engine, other).is_ok();
    assert!(may(sqlite, "sled") && may(sled, "sqlite"));
    std::fs::write(dir.path().join("982016.sqlite"), b"").unwrap();
    assert!(may(sqlite, "sled") && !may(sled, "sqlite"));
    for (place, at, others) in [
        (Place::Moving { from: sqlite, to: sled }, sqlite, true),
        (Place::Moved { from: sqlite, to: sled }, sled, false),
        (Place::In(sled), sled, false),
        (Place::In(EngineKind::Postgres), EngineKind::Postgres, false),
    ] {
        place.write(dir.path(), BODY).unwrap();
        assert_eq!(Place::read(dir.path(), BODY).unwrap(), Some(place));
        assert_eq!(place.engine(), at);
        assert_eq!(may(sqlite, "sled"), at == sqlite || others);
        assert_eq!(may(sled, "sqlite"), at == sled || others);
    }
    assert_eq!(Place::read(dir.path(), "982024").unwrap(), None);
    std::fs::write(dir.path().join("982016.place"), "in sled").unwrap();
    assert!(Place::read(dir.path(), BODY).is_err() && !may(sqlite, "sled"));
}
