//! Copies in a real journal: in order, once each, over starts, cuts and what was given up; and brought back.

use std::path::Path;
use std::sync::Arc;

use chukei_store::GivenUp;
use chukei_store::journal::{Entry, Journal, JournalOptions};
use chukei_wire::message::copies::{CopiedEntry, CopyBatch, CopyOf, HeldEnd};
use proptest::prelude::*;

use super::hold::{Holder, NotHeld};
use super::{ends, places};

const OWNER: &str = "broker-b";
const RECORDS: CopyOf = CopyOf::Records;

fn journal(dir: &Path) -> Arc<Journal> {
    Arc::new(Journal::open(dir, JournalOptions::default()).unwrap().0)
}

fn copy(number: u64) -> CopiedEntry {
    CopiedEntry { number, kind: 16, at_ms: 1_000 + number, sealed: number.to_be_bytes().to_vec() }
}

fn batch(of: CopyOf, first: u64, numbers: impl IntoIterator<Item = u64>) -> CopyBatch {
    CopyBatch { of, first, entries: numbers.into_iter().map(copy).collect() }
}

/// Every copy that can be brought back.
fn brought(holder: &Holder, of: CopyOf, from: u64) -> Vec<CopiedEntry> {
    let (mut all, mut from) = (Vec::new(), from);
    loop {
        let batch = holder.bring(OWNER, of, from).unwrap();
        let Some(last) = batch.entries.last() else { return all };
        from = last.number + 1;
        all.extend(batch.entries);
    }
}

async fn last(holder: &Holder) -> [u64; 3] {
    holder.held(OWNER).await.unwrap().ends.map(|end| end.last)
}

#[tokio::test]
async fn r41_copies_go_on_where_they_ended_and_come_back_as_they_were() {
    let dir = tempfile::tempdir().unwrap();
    let holder = Arc::new(Holder::new(journal(dir.path())));
    assert_eq!(last(&holder).await, [0; 3]);
    assert_eq!(holder.take(OWNER, batch(RECORDS, 1, 1..=5)).await.unwrap().last, 5);
    assert_eq!(holder.take(OWNER, batch(CopyOf::Witness, 7, 7..=9)).await.unwrap().last, 9);
    assert_eq!(holder.take("broker-c", batch(RECORDS, 1, 1..=2)).await.unwrap().last, 2);
    drop(holder);
    let holder = Arc::new(Holder::new(journal(dir.path())));
    assert_eq!(last(&holder).await, [5, 0, 9]);
    // The end of a batch whose acknowledgement was lost comes again with what follows.
    assert_eq!(holder.take(OWNER, batch(RECORDS, 1, 3..=8)).await.unwrap().last, 8);
    assert_eq!(holder.take(OWNER, batch(RECORDS, 1, 3..=8)).await.unwrap().last, 8);
    assert_eq!(brought(&holder, RECORDS, 1), (1..=8).map(copy).collect::<Vec<_>>());
    assert_eq!(brought(&holder, RECORDS, 6), (6..=8).map(copy).collect::<Vec<_>>());
    assert_eq!(brought(&holder, CopyOf::Witness, 1), (7..=9).map(copy).collect::<Vec<_>>());
    assert_eq!(brought(&holder, CopyOf::Permits, 1), []);
}

#[tokio::test]
async fn r41_what_leaves_something_out_is_refused_and_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let holder = Arc::new(Holder::new(journal(dir.path())));
    holder.take(OWNER, batch(RECORDS, 1, 1..=5)).await.unwrap();
    for numbers in [vec![7], vec![6, 8], vec![6, 6], vec![7, 6], vec![0, 1]] {
        let refused = holder.take(OWNER, batch(RECORDS, 1, numbers.clone())).await;
        assert!(matches!(refused, Err(NotHeld::NotInOrder)), "{numbers:?}");
    }
    assert_eq!(brought(&holder, RECORDS, 1), (1..=5).map(copy).collect::<Vec<_>>());
    assert_eq!(holder.take(OWNER, batch(RECORDS, 1, [6])).await.unwrap().last, 6);
}

#[tokio::test]
async fn r41_a_holder_tells_which_copy_is_its_last_and_takes_no_other_in_its_place() {
    let dir = tempfile::tempdir().unwrap();
    let holder = Arc::new(Holder::new(journal(dir.path())));
    holder.take(OWNER, batch(RECORDS, 1, 1..=5)).await.unwrap();
    let end = ends::end(&copy(5)).unwrap();
    assert_eq!(holder.held(OWNER).await.unwrap().ends[0], end);
    let mut other = batch(RECORDS, 1, 5..=7);
    other.entries[0].sealed.push(1);
    assert!(matches!(holder.take(OWNER, other).await, Err(NotHeld::Differs(5))));
    assert_eq!(brought(&holder, RECORDS, 1), (1..=5).map(copy).collect::<Vec<_>>());
    drop(holder);
    let holder = Arc::new(Holder::new(journal(dir.path())));
    assert_eq!(holder.held(OWNER).await.unwrap().ends, [end, HeldEnd::default(), HeldEnd::default()]);
}

#[tokio::test]
async fn what_its_owner_gives_up_goes_and_the_rest_stays_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let holder = Arc::new(Holder::new(journal(dir.path())));
    holder.take(OWNER, batch(RECORDS, 1, 1..=20)).await.unwrap();
    holder.take(OWNER, batch(RECORDS, 15, [21])).await.unwrap();
    assert_eq!(brought(&holder, RECORDS, 1), (15..=21).map(copy).collect::<Vec<_>>());
    // Away for so long that what follows was given up before it came.
    holder.take(OWNER, batch(RECORDS, 40, 40..=42)).await.unwrap();
    assert_eq!(brought(&holder, RECORDS, 1), (40..=42).map(copy).collect::<Vec<_>>());
    drop(holder);
    let holder = Arc::new(Holder::new(journal(dir.path())));
    assert_eq!(last(&holder).await, [42, 0, 0]);
    holder.take(OWNER, batch(RECORDS, 41, [43])).await.unwrap();
    assert_eq!(brought(&holder, RECORDS, 42), (42..=43).map(copy).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_batch_that_nobody_waits_for_any_more_is_settled_before_the_next() {
    let dir = tempfile::tempdir().unwrap();
    let holder = Arc::new(Holder::new(journal(dir.path())));
    for turn in 0..20_u64 {
        let from = turn * 10 + 1;
        let taking = holder.take(OWNER, batch(RECORDS, 1, from..from + 10));
        // The stream is gone at once, before or behind the begin of the work.
        drop(tokio::time::timeout(std::time::Duration::ZERO, taking).await);
        let held = last(&holder).await[0];
        assert!(held == from - 1 || held == from + 9, "half of a batch: {held}");
        holder.take(OWNER, batch(RECORDS, 1, held + 1..from + 10)).await.unwrap();
    }
    assert_eq!(brought(&holder, RECORDS, 1), (1..=200).map(copy).collect::<Vec<_>>());
}

#[tokio::test]
async fn r41_a_copy_of_what_was_given_up_is_compared_with_no_other_entry() {
    let dir = tempfile::tempdir().unwrap();
    let (journal, own) = (journal(dir.path()), places::own(RECORDS));
    let differs = |held| ends::differs(&journal, own, held).unwrap();
    assert!(!differs(HeldEnd::default()), "nothing is held, and there is nothing");
    for number in 1..=3 {
        let CopiedEntry { kind, at_ms, sealed, .. } = copy(number);
        journal.append(Entry { partition: own.to_owned(), kind, at_ms, replay: None, sealed }).await.unwrap();
    }
    let [first, second] = [copy(1), copy(2)].map(|copy| ends::end(&copy).unwrap());
    assert!(!differs(HeldEnd::default()));
    assert!(!differs(second));
    assert!(differs(HeldEnd { last: 1, ..second }));
    journal.forget_before(own, 2, GivenUp::Retention).unwrap();
    assert!(!differs(first), "it is another one that is read there");
    assert!(!differs(second));
}

#[tokio::test]
async fn copies_and_the_holders_own_entries_do_not_meet() {
    let dir = tempfile::tempdir().unwrap();
    let journal = journal(dir.path());
    let holder = Arc::new(Holder::new(journal.clone()));
    let own = || Entry {
        partition: places::own(RECORDS).to_owned(),
        kind: 16,
        at_ms: 1,
        replay: None,
        sealed: vec![1],
    };
    journal.append(own()).await.unwrap();
    holder.take(OWNER, batch(RECORDS, 1, 1..=3)).await.unwrap();
    assert_eq!(journal.append(own()).await.unwrap(), 2);
    journal.forget_before(places::own(RECORDS), 2, GivenUp::Retention).unwrap();
    assert_eq!(brought(&holder, RECORDS, 1).len(), 3);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn r41_whatever_is_cut_or_started_again_copies_are_the_entries_in_order(
        steps in prop::collection::vec((1_u64..20, 0_u64..6, any::<bool>()), 1..12),
    ) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
        runtime.block_on(async {
            let dir = tempfile::tempdir().unwrap();
            let mut holder = Arc::new(Holder::new(journal(dir.path())));
            let mut durable = 0;
            for (more, again, restarted) in steps {
                if restarted {
                    drop(holder);
                    holder = Arc::new(Holder::new(journal(dir.path())));
                }
                let held = last(&holder).await[0];
                prop_assert_eq!(held, durable);
                let from = (held + 1).saturating_sub(again).max(1);
                durable = held + more;
                let kept = holder.take(OWNER, batch(RECORDS, 1, from..=durable)).await.unwrap();
                prop_assert_eq!(kept.last, durable);
            }
            prop_assert_eq!(brought(&holder, RECORDS, 1), (1..=durable).map(copy).collect::<Vec<_>>());
            Ok(())
        })?;
    }
}
