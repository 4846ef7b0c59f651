//! An index that is made anew: behind whatever the journal has given up, and what it does not say before it is whole.

use std::sync::atomic::Ordering;

use chukei_crypto::permit::Epoch;
use chukei_relay_client::permit::{EVIDENCE_PARTITION, Evidence, EvidenceOf};
use chukei_store::GivenUp;
use chukei_store::journal::Entry;
use chukei_wire::message::control::PermitRoot;

use super::*;

/// More than is taken at a time.
const MANY: u64 = 1_100;
const EPOCH: [u8; 16] = [9; 16];

impl Case {
    /// Passages of person 0, as many.
    async fn write_many(&self) {
        let write = |number| {
            let event = begun(1, Some(0), BODIES[0]);
            self.records.append(OPENED, None, record(NOW + number, "PENDING", event))
        };
        for appending in (1..=MANY).map(write).collect::<Vec<_>>() {
            appending.await.unwrap();
        }
    }

    /// As many entries of evidence, of which the last is a root.
    async fn write_evidence(&self) {
        let epoch = Epoch { broker: "broker-a".into(), receiver: "chukei://node/n".into(), id: EPOCH };
        let root = |first| {
            let (leaves, previous, signature) = (vec![1; 32], [0; 32], [3; 64]);
            EvidenceOf::Root(PermitRoot { epoch: EPOCH, first, leaves, previous, signature })
        };
        let write = |number| {
            let of = if number == MANY { root(number) } else { EvidenceOf::Unproven(1) };
            self.index.journal.append(Entry {
                partition: EVIDENCE_PARTITION.to_owned(),
                kind: 32,
                at_ms: NOW,
                replay: None,
                sealed: Evidence::new(&epoch, of).to_bytes().unwrap(),
            })
        };
        for appending in (1..=MANY).map(write).collect::<Vec<_>>() {
            appending.await.unwrap();
        }
    }

    fn give_up(&self, partition: &str, before: u64) {
        self.index.journal.forget_before(partition, before, GivenUp::Retention).unwrap();
    }
}

#[tokio::test]
async fn an_index_that_is_made_anew_grows_behind_what_was_given_up_however_much_that_is() {
    let case = case();
    case.write_many().await;
    case.write_evidence().await;
    case.give_up(OWNER, MANY - 1);
    case.give_up(EVIDENCE_PARTITION, MANY);
    let (anew, _elsewhere) = case.anew().await;
    anew.index.upto(MANY, Duration::from_millis(1)).await.unwrap();
    assert_eq!(anew.found(Some(0), None).await, [shown(MANY - 1, 0, None), shown(MANY, 0, None)]);
    let roots = anew.index.roots_of(&[EPOCH]).await.unwrap();
    assert_eq!(roots.iter().map(|root| root.covered).collect::<Vec<_>>(), [MANY]);

    anew.give_up(OWNER, MANY + 1);
    let (mut empty, _elsewhere) = anew.anew().await;
    empty.index.upto(MANY, Duration::from_millis(1)).await.unwrap();
    let next = empty.write(NOW + MANY + 1, begun(2, Some(0), BODIES[0])).await;
    empty.grow().await;
    assert_eq!(empty.found(Some(0), None).await, [shown(next, 0, None)]);
}

#[tokio::test]
async fn r50_words_on_what_is_hidden_are_not_told_by_an_index_that_does_not_have_them_again_yet() {
    let mut case = case();
    case.write_many().await;
    let hidden = case.write(NOW + MANY + 1, hidden(0, BODIES[0], 1, true)).await;
    case.grow().await;
    assert_eq!(case.index.marks_before(hidden + 1).await.unwrap().len(), 1);

    case.index.damaged.store(true, Ordering::Relaxed);
    case.index.look(&mut case.growing, true).await.unwrap();
    assert!(case.index.is_open() && case.index.behind() > 0);
    let told = case.index.marks_before(hidden + 1).await;
    assert!(matches!(told, Err(IndexError::Behind)), "told although it is behind");
    case.grow().await;
    assert_eq!(case.index.marks_before(hidden + 1).await.unwrap().len(), 1);
}
