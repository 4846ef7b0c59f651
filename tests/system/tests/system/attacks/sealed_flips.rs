//! Changed bytes in what is sealed: every part of every frame, both ways. Nothing changed is ever taken for an
//! answer; who finds it stops the channel, alarms, and goes on by itself later (R35).

use chukei_harness::role::Role;
use chukei_wire::frame::FrameType;
use chukei_wire::header::Kind;

use super::hostile::{Frame, HostileBroker};
use super::interference::{Interference, held_off_then_served};
use super::rig::{BODY, Known, Rig};
use crate::copy_file::{Row, file};
use crate::group::Test;
use crate::notice_file::notice;
use crate::stage::until;

pub(super) const TESTS: &[Test<Interference>] = &[
    ("r35_a_changed_byte_of_a_sealed_request_stops_the_channel", |stage| {
        stage.with_hostile_broker(changed_requests)
    }),
    ("r35_a_changed_byte_of_a_sealed_answer_discloses_nothing", |stage| {
        stage.with_hostile_broker(changed_answers)
    }),
    ("r35_chunks_of_an_answer_cannot_be_cut_swapped_or_doubled", |stage| {
        stage.with_hostile_broker(changed_chunks)
    }),
    ("r35_a_changed_header_opens_nothing", |stage| stage.with_hostile_broker(changed_headers)),
    ("r35_a_changed_receipt_proves_no_delivery", |stage| stage.with_hostile_broker(changed_receipts)),
    ("r35_a_changed_notice_or_receipt_is_delivered_later_and_once", |stage| {
        stage.with_hostile_broker(changed_notices)
    }),
];

/// A change to one frame of a sealed body: what, which frame, which byte of it (from the end where negative).
type Change = (&'static str, FrameType, isize);

const CHANGES: &[Change] = &[
    ("suite", FrameType::Seal, 0),
    ("bound or not", FrameType::Seal, 1),
    ("first byte of the salt", FrameType::Seal, 2),
    ("last byte of the salt", FrameType::Seal, -1),
    ("first byte of the ciphertext", FrameType::LastChunk, 0),
    ("a byte of the padding", FrameType::LastChunk, 600),
    ("last byte of the ciphertext", FrameType::LastChunk, -17),
    ("first byte of the tag", FrameType::LastChunk, -16),
    ("last byte of the tag", FrameType::LastChunk, -1),
];

/// A change to the bytes of a header.
type HeaderChange = (&'static str, fn(&mut Vec<u8>));

/// A byte of the header hash: it begins behind the map's head, its key and the head of the byte string.
const ECHO: Change = ("echo", FrameType::Status, 8);

fn apply(frames: &mut [Frame], (what, kind, place): Change) {
    let (_, payload) = frames.iter_mut().find(|(found, _)| *found == kind).expect(what);
    let place = if place < 0 { payload.len() - place.unsigned_abs() } else { place.unsigned_abs() };
    payload[place] ^= 1;
}

fn changed_requests(rig: &Rig, broker: &HostileBroker) {
    let known = &rig.known_persons(BODY, 1)[0];
    rig.ask_until_answered(known);
    for &change in CHANGES {
        let alarms = rig.alarms(Role::Node, Some("sealed_request"));
        broker.plan(Kind::SelfInfo, move |passage| async move {
            let mut asking = passage.asking();
            apply(&mut asking.sealed, change);
            let answer = passage.ask(asking).await;
            passage.give_honestly(answer).await;
        });
        stopped(rig.ask(known), change.0);
        assert_eq!(rig.alarms(Role::Node, Some("sealed_request")), alarms + 1, "{change:?}");
        held_off_then_served(rig, known);
    }
}

/// The node could open nothing. Where it could still seal, it says so; else all that is said is that it stopped.
#[track_caller]
fn stopped(asked: Result<String, String>, what: &str) {
    assert!(
        asked.as_ref().is_err_and(|code| ["INTEGRITY_FAILURE", "INTEGRITY_STOP"].contains(&code.as_str())),
        "{what}: {asked:?}"
    );
}

fn changed_answers(rig: &Rig, broker: &HostileBroker) {
    let known = &rig.known_persons(BODY, 1)[0];
    rig.ask_until_answered(known);
    for &change in CHANGES {
        not_taken(rig, broker, known, "sealed_body", &format!("{change:?}"), move |frames| {
            apply(frames, change);
        });
    }
    not_taken(rig, broker, known, "wrong_echo", "echo", |frames| apply(frames, ECHO));
}

/// Changes the next answer: the portal must refuse it with an alarm, stop the channel, and go on with a new one.
fn not_taken(
    rig: &Rig,
    broker: &HostileBroker,
    known: &Known,
    alarm: &'static str,
    what: &str,
    change: impl FnOnce(&mut Vec<Frame>) + Send + 'static,
) {
    let alarms = rig.alarms(Role::Portal, Some(alarm));
    let setups = broker.set_ups();
    broker.plan(Kind::SelfInfo, move |passage| async move {
        let answer = passage.ask_honestly().await;
        let mut frames = answer.frames.clone();
        change(&mut frames);
        passage.give(&frames, answer).await;
    });
    assert_eq!(rig.ask(known), Err("INTEGRITY_FAILURE".into()), "{what}");
    assert_eq!(rig.alarms(Role::Portal, Some(alarm)), alarms + 1, "{what}");
    rig.ask_until_answered(known);
    until("a new channel", || (broker.set_ups() > setups).then_some(()));
}

/// An answer of several chunks.
fn changed_chunks(rig: &Rig, broker: &HostileBroker) {
    let known = &rig.known_persons(BODY, 1)[0];
    let value = "税".repeat(900);
    let keys: Vec<(String, String)> =
        (2..80).map(|key| (format!("l{key}-{}", known.person.addressee), key.to_string())).collect();
    let rows: Vec<Row<'_>> = keys
        .iter()
        .map(|(id, key)| Row { record_key: key, ..Row::new(BODY, &known.person, id, &value) })
        .collect();
    rig.import_new(BODY, file(&rows), rows.len());
    rig.ask_until_answered(known);
    let chunk = |frames: &[Frame]| {
        assert_eq!(frames[2].0, FrameType::Chunk, "the answer has several chunks");
        assert_eq!(frames[3].0, FrameType::Chunk, "at least three");
    };
    not_taken(rig, broker, known, "sealed_body", "swapped", move |frames| {
        chunk(frames);
        frames.swap(2, 3);
    });
    not_taken(rig, broker, known, "sealed_body", "doubled", move |frames| {
        frames.insert(2, frames[2].clone())
    });
    not_taken(rig, broker, known, "sealed_body", "left out", |frames| drop(frames.remove(2)));
    not_taken(rig, broker, known, "sealed_body", "cut", |frames| {
        frames.pop();
        frames.last_mut().unwrap().0 = FrameType::LastChunk;
    });
}

/// The header is under every seal: a broker that changes it, and even fits permit and echo to the change, gets
/// nothing opened.
fn changed_headers(rig: &Rig, broker: &HostileBroker) {
    let known = &rig.known_persons(BODY, 1)[0];
    rig.ask_until_answered(known);
    let changes: [HeaderChange; 3] = [
        ("request id", |header| *at(header, b"aiP", 3 + 15) ^= 1),
        ("dataset", |header| *at(header, b"TM00000000000002", 15) = b'4'),
        ("reference of the login", |header| *at(header, b"anX", 10) ^= 1),
    ];
    for (what, change) in changes {
        let alarms = rig.alarms(Role::Node, Some("sealed_request"));
        broker.plan(Kind::SelfInfo, move |passage| async move {
            let mut asking = passage.asking();
            change(&mut asking.header);
            asking.permit = passage.shared.permit(&asking.receiver, &asking.header, passage.person);
            let answer = passage.ask(asking).await;
            let frames = passage.echoed(&answer.frames);
            passage.give(&frames, answer).await;
        });
        stopped(rig.ask(known), what);
        assert_eq!(rig.alarms(Role::Node, Some("sealed_request")), alarms + 1, "{what}");
        held_off_then_served(rig, known);
    }
}

/// The byte `offset` behind the beginning of `mark`.
fn at<'a>(bytes: &'a mut [u8], mark: &[u8], offset: usize) -> &'a mut u8 {
    let start =
        bytes.windows(mark.len()).position(|window| window == mark).expect("the mark is in the header");
    &mut bytes[start + offset]
}

/// Notices whose delivery, or whose receipt, was changed: alarm where it is found, delivery by another try.
fn changed_notices(rig: &Rig, broker: &HostileBroker) {
    let known = &rig.known_persons(BODY, 1)[0];
    // The portal finds what is wrong with a notice, the node what is wrong with a receipt.
    let ways: [(&str, Role, Change); 4] = [
        ("sealed_body", Role::Portal, ("salt", FrameType::Seal, 5)),
        ("sealed_body", Role::Portal, ("text", FrameType::LastChunk, 100)),
        ("sealed_answer", Role::Node, ("receipt", FrameType::LastChunk, 9)),
        ("wrong_echo", Role::Node, ECHO),
    ];
    let mut sent = Vec::new();
    for (alarm, finder, change) in ways {
        let alarms = rig.alarms(finder, Some(alarm));
        broker.plan(Kind::NoticeDelivery, move |passage| async move {
            let mut asking = passage.asking();
            if finder == Role::Portal {
                apply(&mut asking.sealed, change);
            }
            let answer = passage.ask(asking).await;
            let mut frames = answer.frames.clone();
            if finder == Role::Node {
                apply(&mut frames, change);
            }
            passage.give(&frames, answer).await;
        });
        sent.push(rig.send(BODY, &notice(&format!("n-changed-{}", change.0), &[&known.person])));
        until("the notice", || (rig.notices(known).len() == sent.len()).then_some(()));
        assert_eq!(rig.alarms(finder, Some(alarm)), alarms + 1, "{change:?}");
    }
    let mut found = rig.notices(known);
    found.sort();
    sent.sort();
    assert_eq!(found, sent);
}

/// The person has the answer; the body's log says that this was not proven.
fn changed_receipts(rig: &Rig, broker: &HostileBroker) {
    let known = &rig.known_persons(BODY, 1)[0];
    rig.ask_until_answered(known);
    broker.plan(Kind::SelfInfo, |mut passage| async move {
        let answer = passage.ask_honestly().await;
        passage.changes_receipt = true;
        passage.give_honestly(answer).await;
    });
    assert_eq!(rig.ask(known), Ok(known.value.clone()));
    let outcomes = until("two recorded outcomes", || outcomes(rig, known, 2));
    assert_eq!(outcomes.iter().filter(|outcome| *outcome == "delivered").count(), 1, "{outcomes:?}");
    assert_eq!(outcomes.iter().filter(|outcome| *outcome == "aborted").count(), 1, "{outcomes:?}");
}

/// How this person's provisions ended, once there are `count`.
fn outcomes(rig: &Rig, known: &Known, count: usize) -> Option<Vec<String>> {
    let args = ["provision", "status", "--person", &known.person.addressee];
    let report = rig.staff(BODY, &args).done();
    let entries = report["provisions"].as_array().unwrap_or_else(|| panic!("{report}"));
    let ended = entries.iter().filter_map(|entry| entry["outcome"].as_str().map(str::to_owned));
    Some(ended.collect::<Vec<_>>()).filter(|ended| ended.len() >= count)
}
