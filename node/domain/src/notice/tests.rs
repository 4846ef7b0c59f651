//! What a notice may hold, when it ends, and which answers are taken.

use super::*;

/// 2024-05-01 12:00 in Japan.
const NOON_MS: u64 = 1_714_532_400_000;

fn choice(id: &str, label: &str) -> Choice {
    Choice { id: id.to_owned(), label: label.to_owned() }
}

fn draft() -> NoticeDraft {
    NoticeDraft {
        idempotency_key: "2024-05-tax-01".to_owned(),
        affair: "JM99000000001000".to_owned(),
        title: "納税通知書の受け取り方法について".to_owned(),
        body: "受け取り方法を選んでください。\n期限は5月31日です。".to_owned(),
        choices: vec![choice("counter", "窓口"), choice("post", "郵送"), choice("none", "不要")],
        attachments: Vec::new(),
        publish_at_ms: None,
        retention_days: 30,
        targets: 500,
    }
}

fn validate(draft: &NoticeDraft) -> Result<ValidNotice, Refusal> {
    let enabled = ["JM99000000001000".parse().unwrap()];
    draft.validate(&Catalogue::builtin().unwrap(), &enabled, &NoticeLimits::default(), NOON_MS)
}

/// One change to a good draft.
type Change = fn(&mut NoticeDraft);

fn changed(change: impl FnOnce(&mut NoticeDraft)) -> Result<ValidNotice, Refusal> {
    let mut draft = draft();
    change(&mut draft);
    validate(&draft)
}

fn day(text: &str) -> u32 {
    u32::try_from(crate::day::Day::parse_dashed(text).unwrap().number()).unwrap()
}

#[test]
fn a_good_notice_ends_its_retention_after_publication() {
    let notice = validate(&draft()).unwrap();
    assert_eq!(notice.targets(), 500);
    let content = notice.into_content();
    assert_eq!(content.publish_at_ms, NOON_MS);
    assert_eq!(content.expiry_day, day("2024-05-31"), "day 30 is the last one; on day 31 it is gone");
    assert_eq!(
        (content.title, content.text, content.choices),
        (draft().title, draft().body, draft().choices)
    );
}

#[test]
fn publication_ahead_moves_the_end_and_a_past_one_means_now() {
    let ahead = changed(|draft| draft.publish_at_ms = Some(NOON_MS + 10 * DAY_MS)).unwrap();
    assert_eq!(ahead.content().expiry_day, day("2024-06-10"));
    let past = changed(|draft| draft.publish_at_ms = Some(0)).unwrap();
    assert_eq!(past.content().publish_at_ms, NOON_MS);
    let midnight = changed(|draft| draft.publish_at_ms = Some(NOON_MS + DAY_MS / 2)).unwrap();
    assert_eq!(midnight.content().expiry_day, day("2024-06-01"), "midnight in Japan begins the next day");
    assert_eq!(changed(|draft| draft.publish_at_ms = Some(u64::MAX)), Err(Refusal::BadPeriod));
    assert!(changed(|draft| draft.publish_at_ms = Some(NOON_MS + 366 * DAY_MS)).is_ok());
    assert_eq!(
        changed(|draft| draft.publish_at_ms = Some(NOON_MS + 366 * DAY_MS + 1)),
        Err(Refusal::BadPeriod)
    );
}

#[test]
fn r12_the_affair_must_be_listed_and_the_body_enabled_for_it() {
    for affair in ["JM99000000003000", "JM1", "", "TM00000000000002"] {
        assert_eq!(
            changed(|draft| draft.affair = affair.to_owned()),
            Err(Refusal::UnknownAffair),
            "{affair}"
        );
    }
    let care = changed(|draft| draft.affair = "JM99000000002000".to_owned());
    assert_eq!(care, Err(Refusal::AffairNotAllowed));
}

#[test]
fn r10_an_individual_number_is_refused_in_every_text() {
    let number = || "番号 １２３４-５６７８-９０１８".to_owned();
    let hidden: [fn(&mut NoticeDraft, String); 6] = [
        |draft, number| draft.title = number,
        |draft, number| draft.body = number,
        |draft, number| draft.choices[1].label = number,
        |draft, number| draft.choices[1].id = number,
        |draft, number| draft.idempotency_key = number,
        |draft, number| draft.attachments.push(number),
    ];
    for hide in hidden {
        assert_eq!(changed(|draft| hide(draft, number())), Err(Refusal::ForbiddenIdentifier));
    }
    assert!(changed(|draft| draft.body = "問い合わせ番号 123456789019".to_owned()).is_ok());
}

#[test]
fn attachments_are_refused() {
    assert_eq!(changed(|draft| draft.attachments.push("a.pdf".to_owned())), Err(Refusal::RejectedContent));
}

#[test]
fn retention_has_bounds() {
    let longest = NoticeLimits::default().retention_days_max;
    for (days, expected) in [(0, Some(Refusal::BadRetention)), (1, None), (longest, None)] {
        assert_eq!(changed(|draft| draft.retention_days = days).err(), expected, "{days}");
    }
    for days in [longest + 1, u32::MAX] {
        assert_eq!(changed(|draft| draft.retention_days = days), Err(Refusal::BadRetention), "{days}");
    }
}

#[test]
fn malformed_notices_are_bad_format() {
    let malformed: [Change; 15] = [
        |draft| draft.title.clear(),
        |draft| draft.title = "題".repeat(101),
        |draft| draft.title = "一行目\n二行目".to_owned(),
        |draft| draft.title = "外字\u{e000}".to_owned(),
        |draft| draft.body.clear(),
        |draft| draft.body = "文".repeat(10_001),
        |draft| draft.body = "\u{10ffff}".to_owned(),
        |draft| draft.idempotency_key.clear(),
        |draft| draft.idempotency_key = "k".repeat(65),
        |draft| draft.choices[0].id.clear(),
        |draft| draft.choices[0].label.clear(),
        |draft| draft.choices[0].id = "post".to_owned(),
        |draft| draft.choices = (0..17).map(|n| choice(&n.to_string(), "x")).collect(),
        |draft| draft.targets = 0,
        |draft| draft.targets = 100_001,
    ];
    for (at, change) in malformed.into_iter().enumerate() {
        assert_eq!(changed(change), Err(Refusal::BadFormat), "case {at}");
    }
}

#[test]
fn the_longest_notice_is_taken_and_can_be_stored() {
    let notice = changed(|draft| {
        draft.title = "題".repeat(100);
        draft.body = "𠮷".repeat(10_000);
        draft.choices = (0..16).map(|n| choice(&format!("{n:064}"), &"選".repeat(100))).collect();
        draft.targets = 100_000;
    });
    assert!(notice.unwrap().content().to_bytes().unwrap().len() < CONTENT_MAX);
    assert!(changed(|draft| draft.choices.clear()).is_ok(), "a notice need not ask");
}

#[test]
fn limits_that_outgrow_the_store_refuse_the_notice_not_the_writer() {
    let limits = NoticeLimits { body_max: CONTENT_MAX, ..NoticeLimits::default() };
    let long = NoticeDraft { body: "a".repeat(CONTENT_MAX), ..draft() };
    let enabled = ["JM99000000001000".parse().unwrap()];
    let catalogue = Catalogue::builtin().unwrap();
    assert_eq!(long.validate(&catalogue, &enabled, &limits, NOON_MS), Err(Refusal::BadFormat));
}

#[test]
fn the_first_refusal_that_applies_is_given() {
    // Each fault alone gives its own refusal; with every later fault added, still that one.
    let faults: [(Refusal, Change); 7] = [
        (Refusal::UnknownAffair, |draft| draft.affair = "JM00000000000000".to_owned()),
        (Refusal::AffairNotAllowed, |draft| draft.affair = "JM99000000002000".to_owned()),
        (Refusal::ForbiddenIdentifier, |draft| draft.body = "123456789018".to_owned()),
        (Refusal::RejectedContent, |draft| draft.attachments.push("a.pdf".to_owned())),
        (Refusal::BadRetention, |draft| draft.retention_days = 0),
        (Refusal::BadPeriod, |draft| draft.publish_at_ms = Some(u64::MAX)),
        (Refusal::BadFormat, |draft| draft.title.clear()),
    ];
    for (at, (refusal, fault)) in faults.iter().enumerate() {
        assert_eq!(changed(fault), Err(*refusal));
        let from_here_on = changed(|draft| faults[at..].iter().rev().for_each(|(_, fault)| fault(draft)));
        assert_eq!(from_here_on, Err(*refusal));
    }
}

#[test]
fn one_offered_choice_is_taken_once_while_the_notice_is_kept() {
    let choices = draft().choices;
    let chosen = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>();
    let check = |ids: &[&str], already, today| check_answer(&choices, &chosen(ids), already, today, 100);
    assert_eq!(check(&["post"], false, 100), Ok(()), "the last day counts");
    for ids in [&[][..], &["fax"], &["郵送"], &["post", "none"], &["post", "post"], &[""], &["POST"]] {
        assert_eq!(check(ids, false, 1), Err(Refusal::InvalidChoice), "{ids:?}");
    }
    assert_eq!(check(&["none"], true, 100), Err(Refusal::AlreadyAnswered));
    assert_eq!(check(&["fax"], true, 100), Err(Refusal::AlreadyAnswered), "the first answer stands");
    assert_eq!(check(&["post"], true, 101), Err(Refusal::Expired));
    assert_eq!(check_answer(&[], &chosen(&["post"]), false, 1, 100), Err(Refusal::InvalidChoice));
}

#[test]
fn frozen_bytes_of_a_notice() {
    let bytes = validate(&draft()).unwrap().content().to_bytes().unwrap();
    // A changed byte needs a new format version, and a reader for this one.
    insta::assert_snapshot!(bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>());
    assert_eq!(NoticeContent::from_bytes(&bytes).unwrap(), *validate(&draft()).unwrap().content());
}

#[test]
fn any_changed_byte_of_a_notice_is_refused_or_another_notice() {
    let content = validate(&draft()).unwrap().into_content();
    let bytes = content.to_bytes().unwrap();
    for at in 0..bytes.len() {
        for bit in 0..8 {
            let mut changed = bytes.clone();
            changed[at] ^= 1 << bit;
            assert_ne!(
                NoticeContent::from_bytes(&changed).ok().as_ref(),
                Some(&content),
                "byte {at} bit {bit}"
            );
        }
    }
}

#[test]
fn r2_no_text_of_a_notice_is_printed() {
    let notice = validate(&draft()).unwrap();
    let printed = format!("{:?} {notice:?} {:?}", draft(), draft().choices);
    for text in ["納税", "受け取り", "窓口", "counter", "2024-05-tax"] {
        assert!(!printed.contains(text), "{printed}");
    }
}
