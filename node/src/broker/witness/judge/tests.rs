//! What is cosigned, what is told, what is refused (R43); and the same for random logs against the definitions.

use proptest::prelude::*;

use super::*;
use crate::broker::witness::samples::Log;

fn said<'a>(
    log: &Log,
    last: &TreeHead,
    old: u64,
    shown: &'a SignedCheckpoint,
    proof: &Proof,
) -> Judgement<'a> {
    judge(&log.pins(), last, old, shown, proof)
}

#[test]
fn what_continues_the_last_head_is_cosigned_also_where_nothing_was_added() {
    let log = Log::new();
    for (old, new) in [(0, 0), (0, 1), (0, 7), (1, 2), (3, 7), (8, 64), (7, 7), (64, 64)] {
        let shown = log.checkpoint(new);
        let judged = said(&log, &log.head(old), old as u64, &shown, &log.proof(old, new));
        let Judgement::Cosign(admitted) = judged else { panic!("{old} to {new}: {judged:?}") };
        assert_eq!(*admitted.checkpoint().head(), log.head(new));
    }
}

#[test]
fn another_root_of_the_same_size_is_a_fork_wherever_its_proof_begins() {
    let log = Log::new();
    let shown = log.forked(3).checkpoint(7);
    for old in [0, 3, 7, 9] {
        assert_eq!(said(&log, &log.head(7), old, &shown, &Proof::default()), Judgement::Fork, "{old}");
    }
}

#[test]
fn growth_that_another_history_proves_is_a_fork() {
    let log = Log::new();
    let fork = log.forked(3);
    let judged = |proof: Proof| {
        let shown = fork.checkpoint(12);
        format!("{:?}", said(&log, &log.head(7), 7, &shown, &proof))
    };
    assert_eq!(judged(fork.proof(7, 12)), "Fork");
    assert_eq!(judged(log.proof(7, 12)), "Fork");
    // A fork behind what is remembered contradicts nothing yet.
    let later = log.forked(9);
    let shown = later.checkpoint(12);
    assert!(matches!(said(&log, &log.head(7), 7, &shown, &later.proof(7, 12)), Judgement::Cosign(_)));
}

#[test]
fn an_older_head_is_told_the_size_and_is_a_fork_for_who_knows_it() {
    let log = Log::new();
    for size in [0, 3, 6] {
        let shown = log.checkpoint(size);
        assert_eq!(said(&log, &log.head(7), 0, &shown, &Proof::default()), Judgement::Behind(7));
        assert_eq!(said(&log, &log.head(7), 7, &shown, &Proof::default()), Judgement::Fork);
        // That it is a true beginning does not make it any less set back.
        assert_eq!(said(&log, &log.head(7), 7, &shown, &log.proof(size, 7)), Judgement::Fork);
    }
}

#[test]
fn a_proof_from_another_size_is_told_the_one_that_is_remembered() {
    let log = Log::new();
    let shown = log.checkpoint(12);
    for old in [0, 6, 8, 12, 13, u64::MAX] {
        let from = usize::try_from(old).unwrap_or(0).min(12);
        assert_eq!(
            said(&log, &log.head(7), old, &shown, &log.proof(from, 12)),
            Judgement::Behind(7),
            "{old}"
        );
    }
    let unknown = TreeHead::EMPTY;
    assert_eq!(said(&log, &unknown, 7, &shown, &log.proof(7, 12)), Judgement::Behind(0));
}

#[test]
fn a_proof_of_another_length_proves_and_contradicts_nothing() {
    let log = Log::new();
    let shown = log.checkpoint(12);
    let whole = log.proof(7, 12);
    let cut = Proof::new(whole.hashes()[1..].to_vec()).unwrap();
    let long = Proof::new([whole.hashes(), &[[0; 32]]].concat()).unwrap();
    for proof in [Proof::default(), cut, long] {
        let judged = said(&log, &log.head(7), 7, &shown, &proof);
        assert_eq!(judged, Judgement::Refused(ResultName::BadFormat));
    }
}

#[test]
fn what_the_log_has_not_signed_is_no_fork_of_it() {
    let (log, stranger) = (Log::new(), Log::new());
    for shown in [stranger.checkpoint(12), stranger.forked(3).checkpoint(7), stranger.checkpoint(3)] {
        let judged = said(&log, &log.head(7), 7, &shown, &Proof::default());
        assert_eq!(judged, Judgement::Refused(ResultName::BadSignature));
    }
    let other = log.of_epoch(2).checkpoint(12);
    let judged = said(&log, &log.head(7), 7, &other, &log.proof(7, 12));
    assert_eq!(judged, Judgement::Refused(ResultName::BadFormat));
}

/// What is to be said, by the leaves themselves and no proof.
fn expected(kept: &Log, shown: &Log, last: usize, old: usize, new: usize) -> &'static str {
    let same = new >= last && kept.leaves[..last] == shown.leaves[..last];
    match () {
        () if new == last && !same => "fork",
        () if old != last => "behind",
        () if same => "cosign",
        () => "fork",
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn a_head_is_cosigned_exactly_if_its_leaves_continue_those_that_were_cosigned(
        last in 0_usize..=64, new in 0_usize..=64, old in 0_usize..=64, knows: bool, place in prop::option::of(0_usize..64),
    ) {
        let kept = Log::new();
        let shown = place.map_or_else(|| kept.forked(63), |place| kept.forked(place));
        let old = if knows { last } else { old };
        let proof = if old <= new { shown.proof(old, new) } else { Proof::default() };
        let checkpoint = shown.checkpoint(new);
        let said = match said(&kept, &kept.head(last), old as u64, &checkpoint, &proof) {
            Judgement::Cosign(_) => "cosign",
            Judgement::Behind(size) => { prop_assert_eq!(size, last as u64); "behind" }
            Judgement::Fork => "fork",
            Judgement::Refused(_) => "refused",
        };
        prop_assert_eq!(said, expected(&kept, &shown, last, old, new));
    }
}
