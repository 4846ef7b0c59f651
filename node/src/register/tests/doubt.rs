//! A change whose write may or may not have been made, and one that is on its way.

use chukei_store::WriteFault;

use super::super::place::Accepted;
use super::*;

#[tokio::test]
async fn a_write_in_doubt_is_neither_forgotten_nor_built_upon() {
    let sample = founded().await;
    let body = sample.body("982016");
    *sample.fault.lock().unwrap() = Some(WriteFault::Disk);
    let broken = change(&sample, put(clerk("u-tax-08"))).await.unwrap_err();
    assert!(matches!(broken, ChangeError::Row(_)), "{broken}");
    assert!(body.register().staff("u-tax-08").is_none());
    *sample.fault.lock().unwrap() = None;
    body.gate().set(None);
    assert!(matches!(change(&sample, put(clerk("u-tax-09"))).await, Err(ChangeError::InDoubt)));
    assert_eq!(body.clone().look(true, Arc::default()).await, None);
    assert_eq!(change(&sample, put(clerk("u-tax-09"))).await.unwrap(), 2);
    assert!(body.register().staff("u-tax-08").is_none());
}

#[tokio::test]
async fn rows_are_not_read_again_beside_a_change_that_is_on_its_way() {
    let sample = founded().await;
    let body = sample.body("982016");
    let writing = body.writing().await;
    body.register_place().set_in_doubt(true);
    let of = body.clone();
    let settling = tokio::spawn(async move { of.settle_register().await });
    // As long as it would take to read them.
    tokio::task::yield_now().await;
    let mut register = body.stored_register().await.unwrap().unwrap();
    tokio::task::yield_now().await;
    assert!(!settling.is_finished());
    register.put(clerk("u-tax-08")).unwrap();
    body.put_in_force(register, Accepted::Unchanged);
    drop(writing);
    assert_eq!(settling.await.unwrap(), None);
    assert!(body.register().staff("u-tax-08").is_some(), "the register before it is back in force");
}
