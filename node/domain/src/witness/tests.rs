//! R23, retention: days end by two clocks, whatever one of them does.

use proptest::prelude::*;

use super::*;
use crate::day::{DAY_MS, start_of};

const NOW: u64 = 1_795_219_200_000;
const A: &str = "broker-a";
const B: &str = "broker-b";

fn two() -> WitnessedTime {
    WitnessedTime::new([A, B].map(str::to_owned))
}

const fn minutes(count: u64) -> Duration {
    Duration::from_secs(60 * count)
}

#[test]
fn nothing_is_witnessed_before_everybody_was_heard_and_then_the_earlier_counts() {
    let mut time = two();
    assert_eq!(time.hear(A, NOW, NOW, minutes(1)), Heard::Agrees);
    assert_eq!(time.witnessed_ms(), None, "one alone could end days early");
    assert_eq!(time.hear(B, NOW - 60_000, NOW, minutes(1)), Heard::Agrees);
    assert_eq!(time.witnessed_ms(), Some(NOW - 60_000));
    time.hear(A, NOW + 120_000, NOW + 120_000, minutes(3));
    assert_eq!(time.witnessed_ms(), Some(NOW - 60_000), "the other has not moved");
    assert_eq!(time.hear("broker-c", NOW + 120_000, NOW + 120_000, minutes(3)), Heard::Agrees);
    assert_eq!(time.witnessed_ms(), Some(NOW - 60_000), "who is no witness counts for nothing");
}

#[test]
fn a_word_far_ahead_is_not_taken_and_one_far_behind_holds_back() {
    let mut time = WitnessedTime::new([A.to_owned()]);
    time.hear(A, NOW, NOW, minutes(1));
    assert_eq!(time.hear(A, NOW + APART_MAX_MS, NOW, minutes(2)), Heard::Agrees);
    assert_eq!(time.hear(A, NOW + APART_MAX_MS + 1, NOW, minutes(2)), Heard::Ahead);
    assert_eq!(time.witnessed_ms(), Some(NOW + APART_MAX_MS));
    assert_eq!(time.hear(A, NOW, NOW + 40 * DAY_MS, minutes(3)), Heard::Behind);
    assert_eq!(time.witnessed_ms(), Some(NOW + APART_MAX_MS), "it never goes back");
}

#[test]
fn who_is_away_or_ahead_for_an_hour_holds_nobody_up() {
    for lying in [false, true] {
        let mut time = two();
        for minute in 0..120 {
            let now = NOW + minute * 60_000;
            time.hear(A, now, now, minutes(minute));
            if lying {
                assert_eq!(time.hear(B, now + DAY_MS, now, minutes(minute)), Heard::Ahead);
            }
            assert_eq!(time.witnessed_ms().is_some(), minute >= 60, "after {minute} minutes");
        }
        time.hear(B, NOW + 119 * 60_000, NOW + 119 * 60_000, minutes(120));
        time.hear(A, NOW + 121 * 60_000, NOW + 121 * 60_000, minutes(121));
        assert_eq!(time.witnessed_ms(), Some(NOW + 119 * 60_000), "back, it counts again");
    }
}

#[test]
fn a_day_is_over_in_japan_by_both_clocks() {
    let day = day_of(NOW);
    let (last, first) = (start_of(day + 1) - 1, start_of(day + 1));
    for (local, witnessed, settled) in [
        (last, last, day),
        (first, last, day),
        (last, first, day),
        (first, first, day + 1),
        (first + 400 * DAY_MS, last, day),
        (0, first, 0),
    ] {
        assert_eq!(settled_day(local, witnessed), settled);
    }
}

/// One step of a history.
#[derive(Clone, Debug)]
enum Step {
    /// Time passes, minutes.
    Pass(u64),
    /// The local clock is set, minutes from the truth.
    Local(i64),
    /// A broker is asked.
    Ask(bool),
    /// The second broker's clock is set, minutes from the truth.
    Lie(i64),
}

fn step() -> impl Strategy<Value = Step> {
    let jump = || prop_oneof![Just(0), -100_000_i64..100_000, -3_i64..=3];
    prop_oneof![
        3 => (1_u64..2_000).prop_map(Step::Pass),
        2 => jump().prop_map(Step::Local),
        4 => any::<bool>().prop_map(Step::Ask),
        1 => jump().prop_map(Step::Lie),
    ]
}

const MINUTE: i64 = 60_000;

proptest! {
    /// One broker is honest; the other and the local clock do what they like. Days that are settled are over in truth
    /// where the honest one counts, and none is ever taken back.
    #[test]
    fn r23_no_day_ends_early_by_one_liar_and_a_jumping_clock(steps in proptest::collection::vec(step(), 1..200)) {
        let mut time = two();
        let (mut passed, mut local, mut lie) = (0_u64, 0_i64, 0_i64);
        let (mut honest_at, mut before) = (0_u64, None);
        for step in steps {
            let truth = NOW + passed * 60_000;
            match step {
                Step::Pass(minutes) => passed += minutes.min(59),
                Step::Local(minutes) => local = minutes,
                Step::Lie(minutes) => lie = minutes,
                Step::Ask(honest) => {
                    let clock = truth.saturating_add_signed(local * MINUTE);
                    let told = if honest { truth } else { truth.saturating_add_signed(lie * MINUTE) };
                    let heard = time.hear(if honest { A } else { B }, told, clock, minutes(passed));
                    if honest && heard != Heard::Ahead {
                        honest_at = passed;
                    }
                }
            }
            let truth = NOW + passed * 60_000;
            let clock = truth.saturating_add_signed(local * MINUTE);
            let witnessed = time.witnessed_ms();
            prop_assert!(witnessed >= before, "never back");
            if let Some(now) = witnessed.filter(|now| Some(*now) != before) {
                prop_assert!(passed - honest_at >= 60 || now <= truth, "ahead of the honest witness");
            }
            if let Some(witnessed) = witnessed.filter(|_| local <= 0) {
                prop_assert!(settled_day(clock, witnessed) <= day_of(truth), "a right or late clock ends none early");
            }
            before = witnessed;
        }
    }

    /// Once every clock is right again, the present day is reached.
    #[test]
    fn days_end_once_the_clocks_are_right(steps in proptest::collection::vec(step(), 1..100)) {
        let mut time = two();
        let (mut passed, mut local) = (0_u64, 0_i64);
        for step in steps {
            match step {
                Step::Pass(minutes) => passed += minutes,
                Step::Local(minutes) => local = minutes,
                Step::Lie(_) => {}
                Step::Ask(first) => {
                    let truth = NOW + passed * 60_000;
                    let clock = truth.saturating_add_signed(local * MINUTE);
                    time.hear(if first { A } else { B }, truth, clock, minutes(passed));
                }
            }
        }
        let truth = NOW + passed * 60_000;
        for broker in [A, B] {
            prop_assert_eq!(time.hear(broker, truth, truth, minutes(passed)), Heard::Agrees);
        }
        prop_assert_eq!(settled_day(truth, time.witnessed_ms().unwrap()), day_of(truth));
    }
}
