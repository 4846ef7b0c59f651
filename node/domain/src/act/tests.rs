//! R23: every order of steps, against a small model of the rules that shares nothing with the machine but its words.

use proptest::prelude::*;

use super::*;
use crate::day::start_of;

const HOUR: u64 = 3_600_000;
const START: u64 = 1_795_219_200_000;
const WAITS: Waits = Waits { wait_ms: 72 * HOUR, expire_ms: 336 * HOUR };
const FIRST: &str = "chukei://body/982016/staff/u-tax-07";
const OTHER: &str = "chukei://body/982016/staff/u-appr-01";
const NODE: &str = "chukei://node/node-a";

fn both(ms: u64) -> Moment {
    Moment { settled_ms: ms, latest_ms: ms }
}

fn asked(subject: Subject) -> Act {
    Act::request([7; 16], subject, "R8-42", FIRST, both(START), WAITS).unwrap()
}

fn approver(identity: &str) -> Second<'_> {
    Second { identity, approver: true, administrator: false }
}

/// What is tried next.
#[derive(Clone, Copy, Debug)]
enum Try {
    Approve { first: bool, approver: bool, administrator: bool },
    Cancel,
    Expire,
    Begin { known: bool, approver: bool, administrator: bool },
    Executed,
    Failed,
    Fetch { first: bool },
}

/// The rules once more, in hours and flags.
#[derive(Debug, Default)]
struct Model {
    approved: Option<u64>,
    begun: bool,
    end: Option<&'static str>,
    fetched: bool,
}

impl Model {
    /// Milliseconds at which the present stage is over.
    fn over(&self, expire: u64, wait: u64) -> u64 {
        self.approved.map_or(START + expire, |approved| approved + wait + expire)
    }

    /// What the next step should lead to: a state, or a refusal.
    fn step(
        &mut self,
        tried: Try,
        settled: u64,
        latest: u64,
        once: Option<bool>,
    ) -> Result<(), &'static str> {
        let (wait, expire) = (WAITS.wait_ms, WAITS.expire_ms);
        let over = self.over(expire, wait);
        if let Some(end) = self.end {
            return match (end, tried) {
                (_, Try::Fetch { first }) if !first || once.is_none() => Err("NOT_PERMITTED"),
                ("executed", Try::Fetch { .. }) => {
                    if latest >= over {
                        Err("EXPIRED")
                    } else if self.fetched && once == Some(true) {
                        Err("REPLAY")
                    } else {
                        self.fetched = true;
                        Ok(())
                    }
                }
                ("expired", Try::Approve { .. } | Try::Cancel | Try::Fetch { .. }) => Err("EXPIRED"),
                _ => Err("REPLAY"),
            };
        }
        match tried {
            Try::Approve { .. } if self.approved.is_some() => Err("REPLAY"),
            Try::Approve { first, approver, administrator } => {
                if first || !approver || administrator {
                    Err("TWO_PERSON_REQUIRED")
                } else if latest >= over {
                    Err("EXPIRED")
                } else if latest < START {
                    Err("OUTSIDE_WINDOW")
                } else {
                    self.approved = Some(latest);
                    Ok(())
                }
            }
            Try::Cancel if self.begun => Err("REPLAY"),
            Try::Cancel => self.ends("cancelled"),
            Try::Expire if self.begun || settled < over => Err("OUTSIDE_WINDOW"),
            Try::Expire => self.ends("expired"),
            Try::Begin { known, approver, administrator } => {
                if self.begun {
                    Err("REPLAY")
                } else if settled >= over {
                    Err("EXPIRED")
                } else if self.approved.is_none_or(|approved| settled < approved + wait) {
                    Err("OUTSIDE_WINDOW")
                } else if !known || !approver || administrator {
                    Err("TWO_PERSON_REQUIRED")
                } else {
                    self.begun = true;
                    Ok(())
                }
            }
            Try::Executed if self.begun => self.ends("executed"),
            Try::Executed => Err("OUTSIDE_WINDOW"),
            Try::Failed if self.approved.is_some() => self.ends("failed"),
            Try::Failed => Err("OUTSIDE_WINDOW"),
            Try::Fetch { first } if !first || once.is_none() => Err("NOT_PERMITTED"),
            Try::Fetch { .. } => Err("OUTSIDE_WINDOW"),
        }
    }

    fn ends(&mut self, end: &'static str) -> Result<(), &'static str> {
        self.end = Some(end);
        Ok(())
    }

    fn state(&self) -> &'static str {
        match (self.end, self.begun, self.approved) {
            (Some(end), ..) => end,
            (None, true, _) => "begun",
            (None, false, Some(_)) => "approved",
            (None, false, None) => "requested",
        }
    }
}

fn attempt(act: &mut Act, tried: Try, at: Moment) -> Result<(), ActRefusal> {
    let second = |first, approver, administrator| Second {
        identity: if first { FIRST } else { OTHER },
        approver,
        administrator,
    };
    match tried {
        Try::Approve { first, approver, administrator } => {
            act.approve(second(first, approver, administrator), at, WAITS)
        }
        Try::Cancel => act.cancel(FIRST, at),
        Try::Expire => act.expire(NODE, at),
        Try::Begin { known, approver, administrator } => {
            act.begin(known, Some(second(false, approver, administrator)), 5, at)
        }
        Try::Executed => act.executed(NODE, at),
        Try::Failed => act.failed("NOT_FOUND", NODE, at),
        Try::Fetch { first } => act.fetch(if first { FIRST } else { OTHER }, at),
    }
}

fn tries() -> impl Strategy<Value = Try> {
    let mostly = |good: bool| prop::bool::weighted(if good { 0.85 } else { 0.15 });
    prop_oneof![
        3 => (mostly(false), mostly(true), mostly(false))
            .prop_map(|(first, approver, administrator)| Try::Approve { first, approver, administrator }),
        1 => Just(Try::Cancel),
        1 => Just(Try::Expire),
        3 => (mostly(true), mostly(true), mostly(false))
            .prop_map(|(known, approver, administrator)| Try::Begin { known, approver, administrator }),
        2 => Just(Try::Executed),
        1 => Just(Try::Failed),
        2 => mostly(true).prop_map(|first| Try::Fetch { first }),
    ]
}

/// Hours by which the clocks move before a step: also back, and to the very edges.
fn moves() -> impl Strategy<Value = (i64, u64)> {
    let hours = prop_oneof![4 => Just(0), 4 => Just(72), 2 => Just(71), 1 => Just(336), 2 => -100..100i64, 1 => Just(-400)];
    (hours, prop_oneof![3 => Just(0), 1 => 0..400u64])
}

fn subjects() -> impl Strategy<Value = Subject> {
    prop_oneof![
        Just(Subject::EraseBody),
        Just(Subject::KeyringCopy),
        Just(Subject::AuditExport { from_ms: 0, until_ms: START }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]
    #[test]
    fn r23_every_order_of_steps_under_any_clocks_does_what_the_model_says(
        subject in subjects(),
        steps in prop::collection::vec((tries(), moves()), 1..14),
    ) {
        let once = match subject.kind() {
            ActKind::KeyringCopy => Some(true),
            ActKind::AuditExport => Some(false),
            _ => None,
        };
        let (mut act, mut model, mut now) = (asked(subject), Model::default(), START);
        for (tried, (hours, ahead)) in steps {
            now = now.saturating_add_signed(hours * HOUR.cast_signed());
            let at = Moment { settled_ms: now, latest_ms: now + ahead * HOUR };
            let before = act.clone();
            let due = act.due(at);
            let did = attempt(&mut act, tried, at).map_err(|refusal| refusal.to_string());
            let should = model.step(tried, at.settled_ms, at.latest_ms, once).map_err(str::to_owned);
            prop_assert_eq!(&did, &should, "{:?} at {:?} on {:?}", tried, at, before);
            prop_assert_eq!(act.state.as_str(), model.state());
            if did.is_err() {
                prop_assert_eq!(&act, &before, "a refusal changes nothing");
            }
            match (did.is_ok(), tried) {
                (true, Try::Begin { .. }) => prop_assert_eq!(due, Due::Begin),
                (true, Try::Expire) => prop_assert_eq!(due, Due::Expire),
                _ => {}
            }
            // Nothing is carried out that two persons did not decide, and the waiting period did not separate from it.
            if matches!(act.state, State::Begun | State::Executed) {
                let approved = act.approved.clone().unwrap();
                prop_assert!(approved.by != act.requested.by);
                prop_assert!(act.not_before_ms.unwrap() >= approved.at_ms + WAITS.wait_ms);
            }
        }
    }
}

#[test]
fn r23_the_second_person_is_another_who_approves_and_no_administrator() {
    let refused = |second| asked(Subject::EraseBody).approve(second, both(START), WAITS).unwrap_err();
    for second in [
        approver(FIRST),
        Second { administrator: true, ..approver(OTHER) },
        Second { approver: false, ..approver(OTHER) },
    ] {
        assert_eq!(refused(second), ActRefusal::SecondPerson);
    }
    let mut act = asked(Subject::EraseBody);
    act.approve(approver(OTHER), both(START + HOUR), WAITS).unwrap();
    assert_eq!(act.approve(approver(OTHER), both(START + HOUR), WAITS), Err(ActRefusal::Decided), "once");
}

/// Roles that change within the waiting period are felt when it is over.
#[test]
fn r6_who_decided_must_still_be_fit_to_when_it_is_carried_out() {
    let mut act = asked(Subject::EraseBody);
    act.approve(approver(OTHER), both(START), WAITS).unwrap();
    let due = both(START + 72 * HOUR);
    assert_eq!(act.due(due), Due::Begin);
    for (known, second) in [
        (false, Some(approver(OTHER))),
        (true, None),
        (true, Some(Second { administrator: true, ..approver(OTHER) })),
        (true, Some(Second { approver: false, ..approver(OTHER) })),
        (true, Some(approver("chukei://body/982016/staff/u-appr-02"))),
    ] {
        assert_eq!(act.begin(known, second, 1, due), Err(ActRefusal::SecondPerson));
    }
    act.begin(true, Some(approver(OTHER)), 1, due).unwrap();
    assert_eq!(act.cancel(FIRST, due), Err(ActRefusal::Decided), "too late");
}

#[test]
fn r23_no_clock_alone_ends_the_waiting_period() {
    let mut act = asked(Subject::EraseBody);
    // The clock that is ahead counts where something begins.
    act.approve(approver(OTHER), Moment::new(START, Some(START + HOUR)), WAITS).unwrap();
    assert_eq!(act.not_before_ms, Some(START + 73 * HOUR));
    let later = START + 73 * HOUR;
    for alone in
        [Moment::new(later, Some(START)), Moment::new(later, None), Moment::new(later - 1, Some(later))]
    {
        assert_eq!(act.due(alone), Due::Nothing, "{alone:?}");
    }
    assert_eq!(act.due(Moment::new(later + HOUR, Some(later))), Due::Begin);
    assert_eq!(act.due(Moment::new(later + 336 * HOUR, Some(later + 336 * HOUR))), Due::Expire);
}

#[test]
fn r13_a_catalogue_waits_for_its_day() {
    let day = crate::day::day_of(START) + 30;
    let subject = Subject::CatalogueLoad { version: "20270401".into(), valid_from: day, digest: [1; 32] };
    let mut act = asked(subject);
    act.approve(approver(OTHER), both(START), WAITS).unwrap();
    assert_eq!(act.not_before_ms, Some(start_of(day)));
    assert_eq!(act.due(both(start_of(day) - 1)), Due::Nothing);
    assert_eq!(act.due(both(start_of(day))), Due::Begin);
}

#[test]
fn a_reference_is_one() {
    for bad in ["", "海鳴市", "123456789012", "a b"] {
        let act = Act::request([7; 16], Subject::EraseBody, bad, FIRST, both(START), WAITS);
        assert_eq!(act, Err(ActRefusal::Reference), "{bad}");
    }
}

#[test]
fn states_and_kinds_have_the_names_that_they_are_stored_under() {
    for state in State::ALL {
        let mut act = asked(Subject::EraseBody);
        act.state = *state;
        let bytes = chukei_cbor::to_vec(&act).unwrap();
        assert_eq!(chukei_cbor::from_slice::<Act>(&bytes).unwrap(), act);
        assert!(bytes.windows(state.as_str().len()).any(|part| part == state.as_str().as_bytes()));
    }
}
