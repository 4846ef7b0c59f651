//! Whose a body is: its epoch, its one handle, its removal.

use std::sync::Arc;

use chukei_store::StoreError;

use crate::stage::{BODY, Stage, all, put, value};

pub(crate) async fn the_epoch_grows_with_every_opening(stage: &Stage) {
    let mut epochs = Vec::new();
    for _ in 0..4 {
        epochs.push(stage.open().await.epoch());
    }
    assert!(epochs.is_sorted_by(|a, b| a < b), "{epochs:?}");
    assert!(epochs[0] > 0);
}

pub(crate) async fn a_body_is_opened_once_while_it_is_held(stage: &Stage) {
    let engine = stage.engine().await;
    let first = engine.open(BODY).await.unwrap();
    let second = engine.open(BODY).await.unwrap();
    assert!(Arc::ptr_eq(&first, &second));
    assert!(!Arc::ptr_eq(&first, &engine.open("982024").await.unwrap()));
    let epoch = first.epoch();
    drop((first, second));
    assert!(engine.open(BODY).await.unwrap().epoch() > epoch);
}

pub(crate) async fn a_body_that_is_removed_is_gone_and_can_be_made_anew(stage: &Stage) {
    let engine = stage.engine().await;
    assert!(!engine.remove(BODY).await.unwrap());
    let partition = engine.open(BODY).await.unwrap();
    partition.apply(put(b"a", b"1")).await.unwrap();
    drop(partition);
    assert!(engine.remove(BODY).await.unwrap());
    assert!(!engine.remove(BODY).await.unwrap());
    let partition = engine.open(BODY).await.unwrap();
    assert_eq!(partition.count(&all()).await.unwrap(), 0);
    partition.apply(put(b"b", b"2")).await.unwrap();
    assert_eq!(value(&*partition, b"b").await, Some(b"2".to_vec()));
}

pub(crate) async fn a_body_that_is_open_is_not_removed(stage: &Stage) {
    let engine = stage.engine().await;
    let partition = engine.open(BODY).await.unwrap();
    partition.apply(put(b"a", b"1")).await.unwrap();
    assert!(matches!(engine.remove(BODY).await, Err(StoreError::Owned)));
    assert_eq!(value(&*partition, b"a").await, Some(b"1".to_vec()));
}

pub(crate) async fn a_healthy_body_has_nothing_to_recover_from(stage: &Stage) {
    let partition = stage.open().await;
    partition.apply(put(b"a", b"1")).await.unwrap();
    assert_eq!(partition.fault(), None);
    assert_eq!(partition.recover().await, None);
    assert_eq!(value(&*partition, b"a").await, Some(b"1".to_vec()));
}
