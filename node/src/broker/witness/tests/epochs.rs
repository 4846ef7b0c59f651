//! Epochs of a log: a later one begins with the word of two persons of the body, and none goes back (R43).

use chukei_relay_client::log_gap::sign_gap;
use chukei_wire::message::log::LogGapClaims;
use serde_bytes::ByteBuf;

use super::*;

/// The statement with which the body begins this log's epoch.
fn gap(log: &Log, last: Option<SignedCheckpoint>) -> LogGap {
    let claims = LogGapClaims {
        body: log.origin.body,
        epoch: log.origin.epoch,
        last: last.map(|last| ByteBuf::from(last.to_string().into_bytes())),
        backup: [8; 32],
        first: 42,
        persons: ["u-tax-07", "u-appr-01"].map(|name| format!("chukei://body/982016/staff/{name}")),
        at_ms: NOW,
    };
    sign_gap(claims, &log.identity).unwrap()
}

fn with_gap(log: &Log, old: usize, new: usize, last: Option<SignedCheckpoint>) -> LogHead {
    LogHead { gap: Some(gap(log, last)), ..log.grown(old, new) }
}

const TWO: LogWitnessed = LogWitnessed::Refused(ResultName::TwoPersonRequired);

#[tokio::test]
async fn r43_an_epoch_of_a_log_that_was_cosigned_begins_with_a_word_of_two_persons() {
    let stage = Stage::set();
    stage.told(&stage.log.grown(0, 7)).await;
    let next = stage.log.of_epoch(2);
    assert_eq!(stage.told(&next.grown(0, 5)).await, TWO);
    let before = stage.log.checkpoint(7);
    let taken =
        stage.witness.take(&with_gap(&next, 0, 5, Some(before)), &stage.peers, NOW, |kept| stage.keep(kept));
    let Taken::Cosigned(made, kept) = taken else { panic!("refused") };
    let (answer, begun) = stage.witness.settle(*made, kept).await;
    assert!(matches!(answer, LogWitnessed::Cosigned(_)));
    assert_eq!(begun.map(|gap| gap.claims.first), Some(42), "told once");
    assert!(matches!(stage.told(&next.grown(5, 9)).await, LogWitnessed::Cosigned(_)), "no word is needed");
    let (after, _copy) = stage.killed();
    assert_eq!(Stage::last(&after, &next), 9);
    let keep = |_| std::future::ready(Ok::<u64, JournalError>(1));
    let taken = after.take(&next.grown(9, 12), &stage.peers, NOW, keep);
    assert!(matches!(taken, Taken::Cosigned(..)));
    let later = stage.log.of_epoch(3);
    let taken = after.take(&later.grown(0, 12), &stage.peers, NOW, keep);
    assert!(matches!(taken, Taken::Told(answer) if answer == TWO));
}

#[tokio::test]
async fn r43_a_word_that_is_not_of_two_of_the_body_or_of_another_epoch_begins_none() {
    let stage = Stage::set();
    stage.told(&stage.log.grown(0, 7)).await;
    let next = stage.log.of_epoch(2);
    let good = gap(&next, None);
    let with = |gap: LogGap| LogHead { gap: Some(gap), ..next.grown(0, 5) };
    let mut one = good.claims.clone();
    one.persons[1] = one.persons[0].clone();
    assert_eq!(stage.told(&with(sign_gap(one, &next.identity).unwrap())).await, TWO);
    let other_epoch = gap(&stage.log.of_epoch(3), None);
    assert_eq!(stage.told(&with(other_epoch)).await, LogWitnessed::Refused(ResultName::BadFormat));
    let forged = sign_gap(good.claims.clone(), &identity()).unwrap();
    assert_eq!(stage.told(&with(forged)).await, LogWitnessed::Refused(ResultName::BadSignature));
    // It names, as the last that was cosigned, what contradicts the memory.
    let named = stage.log.forked(3).checkpoint(7);
    assert_eq!(stage.told(&with_gap(&next, 0, 5, Some(named))).await, LogWitnessed::Fork);
    assert!(matches!(stage.told(&with(good)).await, LogWitnessed::Cosigned(_)), "it may name none");
}

#[tokio::test]
async fn r43_a_log_that_goes_back_to_an_earlier_epoch_is_a_fork() {
    let stage = Stage::set();
    stage.told(&stage.log.grown(0, 7)).await;
    let next = stage.log.of_epoch(2);
    stage.told(&with_gap(&next, 0, 5, None)).await;
    let taken = stage.witness.take(&stage.log.grown(7, 9), &stage.peers, NOW, |kept| stage.keep(kept));
    let Taken::Alarm(alarm) = taken else { panic!("no alarm") };
    assert_eq!(alarm.remembered, next.checkpoint(5).to_string());
    let unsigned =
        LogHead { checkpoint: Log::new().checkpoint(9).to_string().into_bytes(), ..stage.log.grown(7, 9) };
    assert_eq!(
        stage.told(&unsigned).await,
        LogWitnessed::Refused(ResultName::BadSignature),
        "nobody else's word"
    );
}

#[tokio::test]
async fn the_first_epoch_that_is_shown_is_taken_whichever_it_is() {
    let stage = Stage::set();
    let restored = stage.log.of_epoch(7);
    assert!(matches!(stage.told(&restored.grown(0, 5)).await, LogWitnessed::Cosigned(_)));
}

#[tokio::test]
async fn a_body_has_room_for_some_epochs_and_the_oldest_are_forgotten() {
    let stage = Stage::set();
    stage.told(&stage.log.grown(0, 7)).await;
    for epoch in 2..=20 {
        let log = stage.log.of_epoch(epoch);
        let answer = stage.told(&with_gap(&log, 0, 5, None)).await;
        assert!(matches!(answer, LogWitnessed::Cosigned(_)), "{epoch}: {answer:?}");
    }
    let (after, _copy) = stage.killed();
    for (witness, which) in [(&stage.witness, "running"), (&after, "started again")] {
        assert_eq!(Stage::last(witness, &stage.log.of_epoch(4)), 0, "{which}");
        assert_eq!(Stage::last(witness, &stage.log.of_epoch(5)), 5, "{which}");
        assert_eq!(Stage::last(witness, &stage.log.of_epoch(20)), 5, "{which}");
    }
    assert_eq!(stage.told(&stage.log.grown(0, 7)).await, LogWitnessed::Fork, "an epoch that was forgotten");
}
