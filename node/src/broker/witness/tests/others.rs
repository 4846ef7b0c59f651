//! Heads that other brokers have cosigned: compared, remembered, and continued by whatever is cosigned afterwards (R43).

use chukei_wire::message::log::{LogCompared, LogGrown};
use proptest::prelude::*;
use serde_bytes::ByteBuf;

use super::super::compare::Compared;
use super::*;

/// The other broker's key, which the list names.
fn other() -> WitnessSigner {
    WitnessSigner::new(&witness_name("broker-b"), SigningKey::from_pkcs8(&Log::other_broker()).unwrap())
        .unwrap()
}

/// What `broker-b` shows of this log once it has cosigned so many leaves.
fn seen(log: &Log, size: usize) -> LogSeen {
    seen_by(&other(), log, size)
}

fn seen_by(signer: &WitnessSigner, log: &Log, size: usize) -> LogSeen {
    let (pins, checkpoint) = (log.pins(), log.checkpoint(size));
    let admitted =
        chukei_crypto::tlog::admit(&pins, &log.head(size), &checkpoint, &Proof::default()).unwrap();
    let line = signer.cosign(admitted, NOW / 1_000);
    let head = log.grown(0, size);
    LogSeen {
        body: head.body,
        checkpoint: format!("{checkpoint}{line}").into_bytes(),
        key: head.key,
        certificate: head.certificate,
    }
}

/// With the proofs from these sizes besides.
fn also(log: &Log, old: usize, new: usize, also: &[usize]) -> LogHead {
    let grown = |&from: &usize| {
        let proof = if from <= new { log.proof(from, new) } else { Proof::default() };
        LogGrown { old_size: from as u64, proof: proof.to_bytes() }
    };
    LogHead { also: also.iter().map(grown).collect(), ..log.grown_or_set_back(old, new) }
}

fn is_noted(answer: &LogCompared) -> bool {
    matches!(answer, LogCompared::Noted(_))
}

impl Stage {
    fn compared(&self, seen: &LogSeen) -> Compared<chukei_store::journal::Appending> {
        self.witness.compare(seen, "broker-b", &self.peers, |kept| self.keep(kept))
    }

    async fn hears(&self, seen: &LogSeen) -> LogCompared {
        let compared = self.compared(seen);
        self.witness.settle_compared(compared).await
    }
}

#[tokio::test]
async fn what_both_have_cosigned_agrees_and_anything_else_is_to_be_continued() {
    let stage = Stage::set();
    stage.told(&stage.log.grown(0, 3)).await;
    stage.told(&stage.log.grown(3, 7)).await;
    for size in [3, 7] {
        assert_eq!(stage.hears(&seen(&stage.log, size)).await, LogCompared::Agrees, "{size}");
    }
    cosigned(&stage, 9, &stage.told(&stage.log.grown(7, 9)).await);
    let own = Some(ByteBuf::from(stage.log.checkpoint(9).to_string().into_bytes()));
    assert_eq!(stage.hears(&seen(&stage.log, 5)).await, LogCompared::Noted(own));
    assert!(is_noted(&stage.hears(&seen(&stage.log, 20)).await));
    assert_eq!(stage.hears(&seen(&stage.log, 20)).await, LogCompared::Agrees, "known by now");
    assert_eq!(stage.told(&stage.log.grown(9, 12)).await, LogWitnessed::Behind(5));
    assert_eq!(stage.told(&also(&stage.log, 9, 12, &[5])).await, LogWitnessed::Behind(20));
    assert_eq!(stage.told(&also(&stage.log, 5, 30, &[20])).await, LogWitnessed::Behind(9), "its own too");
    let answer = stage.told(&also(&stage.log, 5, 30, &[20, 9])).await;
    cosigned(&stage, 30, &answer);
    cosigned(&stage, 31, &stage.told(&stage.log.grown(30, 31)).await);
}

#[tokio::test]
async fn r43_a_head_of_the_same_size_with_another_root_is_an_alarm_and_nothing_is_cosigned_any_more() {
    let stage = Stage::set();
    stage.told(&stage.log.grown(0, 7)).await;
    let fork = stage.log.forked(3);
    let compared = stage.compared(&seen(&fork, 7));
    let Compared::Contradicts { alarm: Some(alarm), .. } = &compared else { panic!("no alarm") };
    assert_eq!(alarm.remembered, stage.log.checkpoint(7).to_string());
    assert!(alarm.shown.starts_with(&fork.checkpoint(7).to_string()));
    let evidence = stage.log.checkpoint(7).to_string().into_bytes();
    assert_eq!(stage.witness.settle_compared(compared).await, LogCompared::Fork(evidence));
    for log in [&stage.log, &fork] {
        assert_eq!(stage.told(&log.grown(7, 9)).await, LogWitnessed::Fork);
    }
    let (after, _copy) = stage.killed();
    let keep = |_| std::future::ready(Ok::<u64, JournalError>(1));
    let taken = after.take(&stage.log.grown(7, 9), &stage.peers, NOW, keep);
    assert!(matches!(taken, Taken::Alarm(_)), "remembered durably");
}

#[tokio::test]
async fn r43_a_fork_at_another_size_is_found_with_the_next_head_also_after_a_kill() {
    for (theirs, next) in [(5, 12), (20, 30), (20, 12)] {
        let stage = Stage::set();
        stage.told(&stage.log.grown(0, 9)).await;
        assert!(is_noted(&stage.hears(&seen(&stage.log.forked(3), theirs)).await));
        assert_eq!(stage.told(&stage.log.grown(9, next)).await, LogWitnessed::Behind(theirs as u64));
        let shown = also(&stage.log, 9, next, &[theirs]);
        let keep = |_| std::future::ready(Ok::<u64, JournalError>(1));
        let (after, _copy) = stage.killed();
        let taken = after.take(&shown, &stage.peers, NOW, keep);
        let Taken::Alarm(alarm) = taken else { panic!("a fork passed: {theirs}, {next}") };
        assert!(alarm.remembered.contains(&stage.log.checkpoint(9).to_string()));
        assert!(alarm.remembered.contains(&stage.log.forked(3).checkpoint(theirs).to_string()));
        assert_eq!(stage.told(&shown).await, LogWitnessed::Fork);
    }
}

#[tokio::test]
async fn r43_a_log_that_was_never_shown_here_is_held_to_what_the_other_has_cosigned() {
    let stage = Stage::set();
    assert!(is_noted(&stage.hears(&seen(&stage.log, 7)).await));
    assert_eq!(stage.told(&stage.log.forked(3).grown(0, 7)).await, LogWitnessed::Fork);
    assert_eq!(stage.told(&stage.log.grown(0, 9)).await, LogWitnessed::Behind(7));
    let answer = stage.told(&also(&stage.log, 0, 9, &[7])).await;
    cosigned(&stage, 9, &answer);
}

#[tokio::test]
async fn r24_nothing_counts_that_the_log_and_the_listed_broker_have_not_both_signed() {
    let stage = Stage::set();
    let good = seen(&stage.log, 7);
    let text = String::from_utf8(good.checkpoint.clone()).unwrap();
    let alone = stage.log.checkpoint(7).to_string();
    let stranger = SigningKey::from_pkcs8(&SigningKey::generate().unwrap()).unwrap();
    let stranger = WitnessSigner::new(&witness_name("broker-b"), stranger).unwrap();
    let with = |checkpoint: String| LogSeen { checkpoint: checkpoint.into_bytes(), ..good.clone() };
    let cases = [
        (with(alone), ResultName::BadSignature),
        (with(text.replace("\n7\n", "\n8\n")), ResultName::BadSignature),
        (with(String::new()), ResultName::BadFormat),
        (seen_by(&stranger, &stage.log, 7), ResultName::BadSignature),
        (LogSeen { key: Log::new().public(), ..good.clone() }, ResultName::BadSignature),
        (LogSeen { body: "982024".parse().unwrap(), ..good.clone() }, ResultName::NotFound),
    ];
    for (at, (seen, name)) in cases.into_iter().enumerate() {
        assert_eq!(stage.hears(&seen).await, LogCompared::Refused(name), "{at}");
    }
    let taken = stage.witness.compare(&good, "broker-c", &stage.peers, |kept| stage.keep(kept));
    assert!(matches!(taken, Compared::Told(LogCompared::Refused(ResultName::NotFound))));
    cosigned(&stage, 9, &stage.told(&stage.log.grown(0, 9)).await);
}

#[tokio::test]
async fn r43_the_others_evidence_is_an_alarm_once_it_verifies_and_nothing_before() {
    let stage = Stage::set();
    stage.told(&stage.log.grown(0, 7)).await;
    let shown = stage.witness.memory().seen_since(0, 8).remove(0).1;
    let keep = |kept| stage.keep(kept);
    let taken =
        |evidence: &str| stage.witness.answered_with(&shown, (evidence.as_bytes(), true), &stage.peers, keep);
    let fork = stage.log.forked(3);
    let stranger = Log::new();
    for no_evidence in [
        stage.log.checkpoint(7).to_string(),
        fork.checkpoint(9).to_string(),
        stranger.forked(3).checkpoint(7).to_string(),
        fork.of_epoch(2).checkpoint(7).to_string(),
        String::new(),
    ] {
        assert!(taken(&no_evidence).is_none());
    }
    cosigned(&stage, 9, &stage.told(&stage.log.grown(7, 9)).await);
    let told = taken(&fork.checkpoint(7).to_string());
    assert!(matches!(told, Some(Compared::Contradicts { alarm: Some(_), .. })));
    assert_eq!(stage.told(&stage.log.grown(9, 12)).await, LogWitnessed::Fork);
}

#[tokio::test]
async fn what_the_other_has_cosigned_last_is_continued_when_it_answers_with_it() {
    let stage = Stage::set();
    stage.told(&stage.log.grown(0, 7)).await;
    let shown = stage.witness.memory().seen_since(0, 8).remove(0).1;
    let own = stage.log.checkpoint(20).to_string();
    let told =
        stage.witness.answered_with(&shown, (own.as_bytes(), false), &stage.peers, |kept| stage.keep(kept));
    assert!(is_noted(&stage.witness.settle_compared(told.unwrap()).await));
    assert_eq!(stage.told(&stage.log.grown(7, 9)).await, LogWitnessed::Behind(20));
}

const NOT_READY: LogCompared = LogCompared::Refused(ResultName::NotReady);

#[tokio::test]
async fn r43_a_disk_that_takes_nothing_has_a_head_shown_again_and_few_heads_wait_at_a_time() {
    let stage = Stage::set();
    stage.told(&stage.log.grown(0, 30)).await;
    for error in [JournalError::Full, JournalError::Failed] {
        let keep = |_| std::future::ready(Err::<u64, _>(error));
        let compared = stage.witness.compare(&seen(&stage.log, 1), "broker-b", &stage.peers, keep);
        assert_eq!(stage.witness.settle_compared(compared).await, NOT_READY);
    }
    for size in 2..5 {
        assert!(is_noted(&stage.hears(&seen(&stage.log, size)).await));
    }
    let refused = LogCompared::Refused(ResultName::Overloaded);
    assert_eq!(stage.hears(&seen(&stage.log, 5)).await, refused);
    let contradicts = stage.hears(&seen(&stage.log.forked(1), 4)).await;
    assert!(matches!(contradicts, LogCompared::Fork(_)), "there is room for evidence: {contradicts:?}");
}

#[tokio::test]
async fn r43_a_head_that_the_disk_did_not_take_is_written_once_more_before_it_is_said_to_be_known() {
    let lost = |_| std::future::ready(Err::<u64, _>(JournalError::Failed));
    let stage = Stage::set();
    let theirs = seen(&stage.log, 5);
    let compared = stage.witness.compare(&theirs, "broker-b", &stage.peers, lost);
    assert_eq!(stage.witness.settle_compared(compared).await, NOT_READY);
    assert!(is_noted(&stage.hears(&theirs).await));
    let (after, _copy) = stage.killed();
    let keep = |_| std::future::ready(Ok::<u64, JournalError>(1));
    let taken = after.take(&stage.log.grown(0, 7), &stage.peers, NOW, keep);
    assert!(matches!(taken, Taken::Told(LogWitnessed::Behind(5))), "remembered");
    assert_eq!(stage.hears(&theirs).await, LogCompared::Agrees);

    // The same for what was cosigned here: of two heads neither of which is durable, the later holds the log to both.
    let stage = Stage::set();
    for (old, new) in [(0, 5), (5, 7)] {
        let taken = stage.witness.take(&stage.log.grown(old, new), &stage.peers, NOW, lost);
        assert!(matches!(taken, Taken::Cosigned(..)));
    }
    let compared = stage.witness.compare(&seen(&stage.log, 5), "broker-b", &stage.peers, lost);
    assert_eq!(stage.witness.settle_compared(compared).await, NOT_READY);
    assert_eq!(stage.hears(&seen(&stage.log, 5)).await, LogCompared::Agrees);
    let (after, _copy) = stage.killed();
    assert_eq!(Stage::last(&after, &stage.log), 7);
}

#[tokio::test]
async fn r43_a_head_whose_entry_is_on_its_way_is_not_said_to_be_known_before_one_is_durable() {
    let stage = Stage::set();
    let waits = |_| std::future::pending::<Result<u64, JournalError>>();
    let theirs = seen(&stage.log, 5);
    for _ in 0..2 {
        let compared = stage.witness.compare(&theirs, "broker-b", &stage.peers, waits);
        let mut settling = Box::pin(stage.witness.settle_compared(compared));
        assert_eq!(at_once(&mut settling), None);
    }
    let taken = stage.witness.take(&stage.log.of_epoch(2).grown(0, 7), &stage.peers, NOW, waits);
    assert!(matches!(taken, Taken::Cosigned(..)));
    let compared = stage.witness.compare(&seen(&stage.log.of_epoch(2), 7), "broker-b", &stage.peers, waits);
    let mut settling = Box::pin(stage.witness.settle_compared(compared));
    assert_eq!(at_once(&mut settling), None);
}

#[tokio::test]
async fn what_waits_is_still_there_when_the_memory_was_shortened() {
    let stage = Stage::set();
    let rests = stage.log.of_another_body();
    stage.told(&rests.grown(0, 5)).await;
    assert!(is_noted(&stage.hears(&seen(&rests, 3)).await));
    for size in 0..20 {
        stage.told(&stage.log.grown(size, size + 1)).await;
    }
    stage.witness.shorten(&stage.journal, 10, |kept| stage.keep(kept)).await.unwrap();
    let (after, _copy) = stage.killed();
    let keep = |_| std::future::ready(Ok::<u64, JournalError>(1));
    let taken = after.take(&rests.grown(5, 9), &stage.peers, NOW, keep);
    assert!(matches!(taken, Taken::Told(LogWitnessed::Behind(3))));
}

/// What happens to a witness: a head is shown with every proof there is, or another broker's is heard of.
#[derive(Clone, Debug)]
enum Step {
    Shown { forked: bool, size: usize },
    Heard { forked: bool, size: usize },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = (any::<bool>(), any::<bool>(), 1_usize..24).prop_map(|(shown, forked, size)| match shown {
        true => Step::Shown { forked, size },
        false => Step::Heard { forked, size },
    });
    prop::collection::vec(step, 1..12)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn r43_whatever_is_cosigned_continues_everything_that_was_cosigned_anywhere(
        steps in steps(), place in 0_usize..24, killed in 0_usize..12,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let mut stage = Stage::set();
            let (log, fork) = (stage.log.of_epoch(1), stage.log.forked(place));
            let of = |forked: bool| if forked { &fork } else { &log };
            // What was cosigned here last, and what others have that waits.
            let (mut last, mut waits): (&[_], Vec<&[_]>) = (&[], Vec::new());
            for (at, step) in steps.into_iter().enumerate() {
                if at == killed {
                    stage = stage.started_again();
                }
                match step {
                    Step::Heard { forked, size } => {
                        let leaves = &of(forked).leaves[..size];
                        let answer = stage.hears(&seen(of(forked), size)).await;
                        if is_noted(&answer) || matches!(answer, LogCompared::Fork(_)) {
                            waits.push(leaves);
                        }
                    }
                    Step::Shown { forked, size } => {
                        let shown = of(forked);
                        let sizes: Vec<_> = waits.iter().map(|leaves| leaves.len()).take(4).collect();
                        let answer = stage.told(&also(shown, last.len(), size, &sizes)).await;
                        let continues = |before: &[_]| shown.leaves[..size].starts_with(before);
                        let all = continues(last) && waits.iter().all(|leaves| continues(leaves));
                        match answer {
                            LogWitnessed::Cosigned(_) => {
                                prop_assert!(all, "cosigned what does not continue everything");
                                (last, waits) = (&shown.leaves[..size], Vec::new());
                            }
                            answer => prop_assert!(!all, "{answer:?} although it continues everything"),
                        }
                    }
                }
            }
            Ok(())
        })?;
    }
}
