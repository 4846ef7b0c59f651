//! The review queue: its rules one by one, its bounds, and its byte form (R7).

use super::*;
use crate::codec::CodecError;
use crate::day::{DAY_MS, day_of, start_of};
use crate::outcome::Refusal;

mod model;

const U: &str = "chukei://body/982016/staff/u-tax-07";
/// 2026-11-24, a Tuesday, 10:00 in Japan.
const NOON: u64 = 1_795_482_000_000;
const HOUR: u64 = 3_600_000;

fn limits() -> Limits {
    let office = OfficeHours::new("08:30", "17:15", &[1, 2, 3, 4, 5]).unwrap();
    Limits { many_persons: 300, refusals: 5, failed_factors: 3, office, days: 7 }
}

fn seen(now_ms: u64) -> Observation<'static> {
    Observation {
        identity: U,
        human: true,
        action: "copy_show",
        decided: Decided::Permitted,
        reasons: &[],
        not_evaluated: false,
        persons: 0,
        elsewhere: false,
        failed_factor: false,
        delegation: None,
        device: None,
        now_ms,
    }
}

fn rules(observation: Observation<'_>) -> Vec<Rule> {
    Watch::default().look(&limits(), &observation).iter().collect()
}

#[test]
fn r7_each_rule_is_met_by_what_it_looks_for_and_by_nothing_else() {
    let calm = seen(NOON);
    assert_eq!(rules(calm), []);
    assert_eq!(rules(Observation { persons: 300, ..calm }), []);
    assert_eq!(rules(Observation { persons: 301, ..calm }), [Rule::ManyPersons]);
    let step_up = Decided::StepUp;
    assert_eq!(rules(Observation { persons: 301, decided: step_up, ..calm }), [Rule::ManyPersons]);
    assert_eq!(rules(Observation { delegation: Some("d-1"), ..calm }), [Rule::Delegated]);
    assert_eq!(rules(Observation { not_evaluated: true, ..calm }), [Rule::NotEvaluated]);
    let refused = |name| Observation { decided: Decided::Refused(name), ..calm };
    assert_eq!(rules(refused("TWO_PERSON_REQUIRED")), [Rule::SecondPerson]);
    assert_eq!(rules(refused("DEVICE_UNKNOWN")), [Rule::Device]);
    assert_eq!(rules(refused("NOT_PERMITTED")), []);
    for policy in ["device_healthy", "device_in_its_zone"] {
        let unhealthy = Observation { reasons: &["closed_zone", policy], ..refused("DENIED") };
        assert_eq!(rules(unhealthy), [Rule::Device], "{policy}");
        let permitted = Observation { decided: Decided::Permitted, ..unhealthy };
        assert_eq!(rules(permitted), [], "{policy}");
    }
}

#[test]
fn r7_work_outside_office_hours_is_that_of_persons_and_was_permitted() {
    // Tuesday 08:29:59, 08:30, 17:14:59, 17:15; Saturday noon.
    let day = start_of(day_of(NOON));
    let minute = |minute: u64| day + minute * 60_000;
    for (now_ms, outside) in [
        (minute(510) - 1, true),
        (minute(510), false),
        (minute(1_035) - 1, false),
        (minute(1_035), true),
        (minute(720) + 4 * DAY_MS, true),
        (minute(720) + 5 * DAY_MS, true),
        (minute(720) + 6 * DAY_MS, false),
    ] {
        assert_eq!(rules(seen(now_ms)).contains(&Rule::OutsideHours), outside, "{now_ms}");
        assert_eq!(rules(Observation { human: false, ..seen(now_ms) }), [], "a system works at night");
        let refused = Decided::Refused("NOT_PERMITTED");
        assert_eq!(rules(Observation { decided: refused, ..seen(now_ms) }), []);
    }
}

#[test]
fn office_hours_and_limits_that_contradict_themselves_are_refused() {
    let hours = |from, until| OfficeHours::new(from, until, &[1]).unwrap_err();
    for (from, until) in [
        ("17:15", "08:30"),
        ("08:30", "08:30"),
        ("8:30", "17:15"),
        ("08:60", "17:15"),
        ("08:30", "24:01"),
        ("", ""),
    ] {
        assert_eq!(hours(from, until), LimitError::Hours, "{from} {until}");
    }
    for days in [&[0][..], &[8], &[1, 1], &[255]] {
        assert_eq!(OfficeHours::new("00:00", "24:00", days), Err(LimitError::Weekdays), "{days:?}");
    }
    assert!(limits().check().is_ok());
    assert_eq!(Limits { days: 0, ..limits() }.check(), Err(("days", LimitError::Range(366))));
    assert_eq!(Limits { refusals: 101, ..limits() }.check(), Err(("refusals", LimitError::Range(100))));
}

#[test]
fn what_is_remembered_of_identities_is_bounded_and_the_longest_ago_goes_first() {
    let mut watch = Watch::default();
    let limits = limits();
    let names: Vec<String> =
        (0..=IDENTITIES_MAX).map(|n| format!("chukei://body/982016/staff/u-{n}")).collect();
    let mut tried = |name: &str, now_ms: u64| {
        let refused = Decided::Refused("NOT_FOUND");
        let seen = Observation { identity: name, elsewhere: true, decided: refused, ..seen(now_ms) };
        let met = watch.look(&limits, &seen);
        (met.iter().collect::<Vec<_>>(), watch.remembers())
    };
    for (at, name) in (0_u64..).zip(&names[..IDENTITIES_MAX]) {
        for _ in 0..4 {
            assert_eq!(tried(name, NOON + at).0, [], "four of five");
        }
    }
    assert_eq!(tried(&names[IDENTITIES_MAX], NOON + 5_000).1, IDENTITIES_MAX);
    assert_eq!(
        tried(&names[1], NOON + 5_000).0,
        [Rule::RefusedElsewhere],
        "remembered, and this is the fifth"
    );
    assert_eq!(tried(&names[0], NOON + 5_000).0, [], "forgotten: it begins anew");
    assert_eq!(
        tried(&names[0], NOON + 2 * HOUR),
        (vec![], IDENTITIES_MAX),
        "room enough for one that is known"
    );
    assert_eq!(
        tried("chukei://body/982016/staff/u-new", NOON + 2 * HOUR),
        (vec![], 2),
        "an hour forgets all others"
    );
}

fn delegated(now_ms: u64, identity: &'static str) -> Observation<'static> {
    Observation {
        identity,
        delegation: Some("d-1"),
        device: Some("chukei://body/982024/device/t-02"),
        ..seen(now_ms)
    }
}

#[test]
fn r42_delegated_acts_are_one_item_per_delegation_and_day_and_name_who_acted() {
    let mut queue = Queue::default();
    let other = "chukei://body/982024/staff/u-b-01";
    let again = "chukei://body/982024/staff/u-b-02";
    assert_eq!(queue.add(Rule::Delegated, &delegated(NOON, other)), Merged::Opened(1));
    assert_eq!(queue.add(Rule::Delegated, &delegated(NOON + 1, again)), Merged::Added(1));
    assert_eq!(queue.add(Rule::Delegated, &delegated(NOON + DAY_MS, other)), Merged::Opened(2));
    let item = queue.item(1).unwrap();
    assert_eq!((item.subject.as_str(), item.count, item.day), ("d-1", 2, day_of(NOON)));
    assert!(item.concerns(other) && item.concerns(again) && !item.concerns(U));
}

#[test]
fn an_item_that_is_signed_takes_nothing_more_and_what_comes_then_opens_another() {
    let mut queue = Queue::default();
    let signature =
        |by: &str, note: &str| Signature { by: by.to_owned(), at_ms: NOON, note: note.to_owned() };
    let many = Observation { persons: 301, ..seen(NOON) };
    assert_eq!(queue.add(Rule::ManyPersons, &many), Merged::Opened(1));
    let reviewer = "chukei://body/982016/staff/u-rev-01";
    assert_eq!(queue.begin_to_sign(1, 1, signature(U, "ok")), Err(SignRefusal::Own));
    assert_eq!(queue.begin_to_sign(2, 1, signature(reviewer, "ok")), Err(SignRefusal::Unknown));
    let number = SignRefusal::Note(Refusal::ForbiddenIdentifier);
    assert_eq!(queue.begin_to_sign(1, 1, signature(reviewer, "123456789018 の件")), Err(number));
    let signed = queue.begin_to_sign(1, 1, signature(reviewer, "繁忙期の照会と確認")).unwrap();
    assert_eq!((signed.count, signed.signed.unwrap().by.as_str()), (1, reviewer));
    assert_eq!(queue.add(Rule::ManyPersons, &many), Merged::Opened(2), "while it is being written, too");
    queue.end_signing(1, true);
    assert_eq!(queue.items(0).map(|item| item.number).collect::<Vec<_>>(), [2]);
}

#[test]
fn r7_what_was_added_after_the_reviewers_look_is_not_signed() {
    let mut queue = Queue::default();
    let many = Observation { persons: 301, ..seen(NOON) };
    queue.add(Rule::ManyPersons, &many);
    let looked_at = queue.item(1).unwrap().count;
    queue.add(Rule::ManyPersons, &Observation { action: "notice_show", ..many });
    let word = Signature {
        by: "chukei://body/982016/staff/u-rev-01".to_owned(),
        at_ms: NOON,
        note: "確認".to_owned(),
    };
    for seen in [looked_at, 3, 0] {
        assert_eq!(queue.begin_to_sign(1, seen, word.clone()), Err(SignRefusal::Outdated), "{seen}");
    }
    let open = queue.item(1).unwrap();
    assert_eq!((open.count, &open.signed), (2, &None));
    assert_eq!(queue.add(Rule::ManyPersons, &many), Merged::Added(1), "it stays the item of its pattern");
    let signed = queue.begin_to_sign(1, 3, word).unwrap();
    assert_eq!((signed.count, signed.actions), (3, vec!["copy_show".to_owned(), "notice_show".to_owned()]));
}

#[test]
fn a_full_queue_keeps_the_oldest_and_says_how_many_were_not_opened() {
    let mut queue = Queue::default();
    let names: Vec<String> = (0..OPEN_MAX + 3).map(|n| format!("u-{n}")).collect();
    let many = |name: &'static str| Observation { identity: name, persons: 301, ..seen(NOON) };
    for name in &names {
        let observation = Observation { identity: name, ..many("") };
        queue.add(Rule::ManyPersons, &observation);
    }
    let counting = OPEN_MAX as u64 + 1;
    assert_eq!(queue.len(), OPEN_MAX + 1);
    assert_eq!(queue.item(1).unwrap().subject, "u-0");
    let full = queue.item(counting).unwrap();
    assert_eq!((full.rule, full.count, full.subject.as_str()), (Rule::QueueFull, 3, ""));
    assert_eq!(
        queue.add(Rule::ManyPersons, &many("u-0")),
        Merged::Added(1),
        "what is open is still added to"
    );
    assert_eq!(queue.add(Rule::ManyPersons, &many("u-x")), Merged::Dropped(counting));
    queue.begin_to_sign(7, 1, Signature { by: U.to_owned(), at_ms: NOON, note: "確認".to_owned() }).unwrap();
    queue.end_signing(7, true);
    assert_eq!(queue.add(Rule::ManyPersons, &many("u-y")), Merged::Opened(counting + 1), "room again");
    let loaded = Queue::load(queue.items(0).cloned(), 0);
    assert_eq!((loaded.len(), loaded.last_number(), loaded.is_full()), (OPEN_MAX + 1, counting + 1, true));
}

#[test]
fn what_is_not_durable_is_told_until_it_is() {
    let mut queue = Queue::default();
    let many = Observation { persons: 301, ..seen(NOON) };
    queue.add(Rule::ManyPersons, &many);
    assert!(queue.is_urgent());
    let first = queue.unwritten_items(10);
    queue.add(Rule::ManyPersons, &many);
    queue.written(1, first[0].1);
    assert_eq!(queue.unwritten_items(10)[0].0.count, 2, "changed while it was written");
    assert!(queue.is_urgent(), "the log does not tell of it yet");
    queue.told(1);
    assert!(!queue.is_urgent());
    let (item, revision) = queue.unwritten_items(10).remove(0);
    queue.written(1, revision);
    assert_eq!(queue.unwritten_items(10), []);
    let untold = Queue::load([Item { told: false, ..item.clone() }], 0);
    assert!(untold.is_urgent(), "a stop between row and log");
    assert!(!Queue::load([item], 9).is_urgent());
}

#[test]
fn an_item_is_overdue_from_its_seventh_day_on_unless_it_is_signed() {
    let mut queue = Queue::default();
    queue.add(Rule::ManyPersons, &Observation { persons: 301, ..seen(NOON) });
    let due = NOON + 7 * DAY_MS;
    assert_eq!((queue.overdue(7, due - 1), queue.overdue(7, due), queue.overdue(8, due)), (0, 1, 0));
    let mut item = queue.item(1).unwrap().clone();
    item.signed = Some(Signature { by: U.to_owned(), at_ms: due, note: "確認".to_owned() });
    assert!(!item.is_overdue(7, due));
}

#[test]
fn r10_a_note_holds_no_number_of_a_person() {
    for note in [
        "123456789018",
        "照会 1234-5678-9018 あり",
        "１２３４５６７８９０１８",
        "宛名 000009820160101",
        "999999999999",
    ] {
        assert_eq!(check_note(note), Err(Refusal::ForbiddenIdentifier), "{note}");
    }
    for note in ["", "   ", "一行\n二行", "a\0b"] {
        assert_eq!(check_note(note), Err(Refusal::BadFormat), "{note:?}");
    }
    assert_eq!(check_note(&"あ".repeat(NOTE_MAX + 1)), Err(Refusal::BadFormat));
    assert_eq!(check_note(&"あ".repeat(NOTE_MAX)), Ok(()));
    assert_eq!(check_note("受付番号 2026-1121 の問い合わせ、本人に確認した"), Ok(()));
}

#[test]
fn r7_frozen_bytes_of_an_item() {
    let mut queue = Queue::default();
    let refused = Observation {
        reasons: &["device_listed"],
        decided: Decided::Refused("DEVICE_UNKNOWN"),
        device: Some("chukei://body/982016/device/t-09"),
        ..seen(NOON)
    };
    queue.add(Rule::Device, &refused);
    let signature = Signature {
        by: "chukei://body/982016/staff/u-rev-01".to_owned(),
        at_ms: NOON + 1,
        note: "確認".to_owned(),
    };
    let item = queue.begin_to_sign(1, 1, signature).unwrap();
    let bytes = item.to_bytes().unwrap();
    // A changed byte needs a new format version, and a reader for this one.
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    insta::assert_snapshot!(hex);
    for changed in [Item { number: 0, ..item.clone() }, Item { actions: vec![String::new(); 9], ..item }] {
        assert_eq!(Item::from_bytes(&changed.to_bytes().unwrap()), Err(CodecError::Malformed));
    }
}
