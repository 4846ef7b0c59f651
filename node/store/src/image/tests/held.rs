//! Writes that wait, and versions across a move.

use super::*;
use crate::error::StoreError;

#[tokio::test]
async fn sqlite_held_batches_take_their_way_in_order_and_a_caller_that_went_away_loses_none() {
    let stage = Stage::new();
    let observed = stage.observed().await;
    let held = observed.hold();
    let first = observed.apply(Batch::new().put(key(1), vec![1]));
    // Dropped at once: the batch is not taken back.
    drop(observed.apply(Batch::new().put(key(1), vec![2]).put(key(2), vec![2])));
    let last = observed.apply(Batch::new().put(key(1), vec![3]));
    assert_eq!(content(&*observed).await, Content::new(), "reads go on, and see nothing of it");
    drop(held);
    first.await.unwrap();
    last.await.unwrap();
    let stands = content(&*observed).await;
    assert_eq!(stands, Content::from([(key(1), vec![3]), (key(2), vec![2])]));
}

#[tokio::test]
async fn sqlite_what_waits_is_bounded() {
    let stage = Stage::new();
    let observed = stage.observed().await;
    let held = observed.hold();
    let waiting: Vec<_> =
        (0..520).map(|number| observed.apply(Batch::new().put(key(number), vec![0]))).collect();
    drop(held);
    let mut busy = 0;
    for batch in waiting {
        match batch.await {
            Ok(()) => {}
            Err(StoreError::Busy) => busy += 1,
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!(busy, 8);
}

/// A precondition on what was read before a move never holds by chance after it.
#[tokio::test]
async fn sqlite_versions_never_come_again_across_a_move() {
    let stage = Stage::new();
    let observed = stage.observed().await;
    for value in 0..20 {
        fill(&*observed, 0..2, value).await;
    }
    let epoch = observed.epoch();
    let before = observed.get_many(&[key(0)]).await.unwrap()[0].clone().unwrap();
    let target = stage.partition("target").await;
    move_rows(&observed, (target, EngineKind::Sqlite), &|_| {}, &mut RowsAlone(|| async { Ok(()) }))
        .await
        .unwrap();
    assert!(observed.epoch() > epoch, "who announces the body announces it anew");
    let mut newest = before.version;
    for value in 0..50 {
        let row = observed.get_many(&[key(0)]).await.unwrap()[0].clone().unwrap();
        assert!(row.version > newest, "grows across the move and after it");
        newest = row.version;
        let stale = Batch::new().require_version(key(0), before.version).put(key(0), vec![0]);
        assert!(matches!(observed.apply(stale).await, Err(StoreError::Conflict)));
        let right = Batch::new().require_version(key(0), row.version).put(key(0), vec![value]);
        observed.apply(right).await.unwrap();
    }
    let scanned = observed.scan(&RowKey::new(Space::Person), None, 10).await.unwrap();
    assert!(scanned.rows[0].1.version > newest);
}

/// Rows that were given away are never written again, and who waited is told that somebody else owns them.
#[tokio::test]
async fn sqlite_rows_that_were_given_away_take_no_writes() {
    let stage = Stage::new();
    let observed = stage.observed().await;
    fill(&*observed, 0..3, 1).await;
    let mut rows = Outgoing::begin(&observed, None, || ()).await.unwrap().keep_holding();
    while rows.next().await.unwrap().is_some() {}
    let taken = rows.taken().unwrap();
    let waiting = observed.apply(Batch::new().put(key(1), vec![9]));
    taken.held.unwrap().leave().await.unwrap();
    assert!(matches!(waiting.await, Err(StoreError::Fenced)));
    assert!(matches!(observed.apply(Batch::new().put(key(2), vec![9])).await, Err(StoreError::Fenced)));
    assert_eq!(observed.fault(), Some(crate::partition::WriteFault::Fenced));
    assert_eq!(content(&*observed).await[&key(1)], vec![1; 100], "reads go on");
    drop(observed);
    let again = Observed::over(stage.partition(BODY).await, EngineKind::Sqlite).await;
    assert!(matches!(again, Err(ImageError::MovedAway)));
}
