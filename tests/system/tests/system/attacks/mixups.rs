//! The wrong person, the wrong request, the wrong body: mix-ups of a broker, by mistake or on purpose, become errors
//! and never disclosures (R30, R32).

use chukei_harness::role::Role;
use chukei_node::broker::faults::Confusion;
use chukei_wire::header::Kind;
use tokio::sync::oneshot;

use super::hostile::{Frame, HostileBroker};
use super::inner_broker::InnerBroker;
use super::interference::{Interference, held_off_then_served};
use super::rig::{BODY, Known, Rig, ask};
use crate::group::Test;
use crate::notice_file::notice;
use crate::second_node::SecondNode;
use crate::stage::until;

pub(super) const TESTS: &[Test<Interference>] = &[
    ("r30_a_broker_that_confuses_persons_discloses_nothing", |stage| stage.without_broker(confused_broker)),
    ("r22_a_permit_for_somebody_else_is_a_mismatch", |stage| stage.with_hostile_broker(somebody_else)),
    ("r32_exchanged_answers_of_two_requests_open_at_neither", |stage| stage.with_hostile_broker(exchanged)),
    ("r32_an_answer_given_again_is_no_answer", |stage| stage.with_hostile_broker(given_again)),
    ("r22_a_request_is_answered_once", |stage| stage.with_hostile_broker(asked_again)),
    ("r01_a_request_at_another_body_is_not_answered", |stage| stage.with_hostile_broker(other_body)),
    ("r01_a_request_at_the_node_of_others_is_not_found", |stage| stage.with_hostile_broker(other_node)),
    ("r30_a_notice_brought_to_somebody_else_is_not_taken", |stage| {
        stage.with_hostile_broker(notice_misdelivered)
    }),
];

/// The real broker, in whose permits persons are swapped.
fn confused_broker(rig: &Rig) {
    let broker = InnerBroker::start(rig);
    let persons = rig.known_persons(BODY, 12);
    for known in &persons {
        rig.ask_until_answered(known);
    }
    let alarms = rig.alarms(Role::Node, Some("subject_mismatch"));
    broker.faults.confuse_persons(Confusion::All);
    assert_eq!(rig.ask(&persons[0]), Err("SUBJECT_MISMATCH".into()));
    assert_eq!(rig.alarms(Role::Node, Some("subject_mismatch")), alarms + 1);
    broker.faults.confuse_persons(Confusion::Off);
    held_off_then_served(rig, &persons[0]);
    // All at once: whoever comes first finds the mismatch, the others a channel that is stopped.
    broker.faults.confuse_persons(Confusion::All);
    let results = side_by_side(rig, &persons);
    assert!(results.iter().all(Result::is_err), "{results:?}");
    assert!(results.contains(&Err("SUBJECT_MISMATCH".into())), "{results:?}");
    broker.faults.confuse_persons(Confusion::Off);
    held_off_then_served(rig, &persons[0]);
    // The body has provided what was honestly asked for, and nothing else.
    assert_eq!(provided(rig, &persons[0]), 3);
    for known in &persons[1..] {
        assert_eq!(provided(rig, known), 1);
        rig.ask_until_answered(known);
    }
}

/// How often the body has provided information about a person.
fn provided(rig: &Rig, known: &Known) -> usize {
    let report = rig.staff(BODY, &["provision", "status", "--person", &known.person.addressee]).done();
    report["provisions"].as_array().unwrap().iter().filter(|entry| entry["result"] == "DONE").count()
}

/// Every person asks at once; what each was told.
fn side_by_side(rig: &Rig, persons: &[Known]) -> Vec<Result<String, String>> {
    let client = rig.client();
    rig.runtime.block_on(async {
        let asking: Vec<_> = persons
            .iter()
            .cloned()
            .map(|known| {
                let client = client.clone();
                tokio::spawn(async move { ask(&client, &known).await })
            })
            .collect();
        let mut results = Vec::new();
        for asked in asking {
            results.push(asked.await.unwrap());
        }
        results
    })
}

/// The registry's number of a person, as a broker learns it from an honest request.
fn number_of(rig: &Rig, broker: &HostileBroker, known: &Known) -> u64 {
    rig.ask_until_answered(known);
    let (tell, told) = oneshot::channel();
    broker.plan(Kind::SelfInfo, |passage| async move {
        tell.send(passage.person).unwrap();
        let answer = passage.ask_honestly().await;
        passage.give_honestly(answer).await;
    });
    assert_eq!(rig.ask(known), Ok(known.value.clone()));
    rig.runtime.block_on(told).unwrap().expect("a person stands in the request")
}

/// Has the next permit of a kind name another person than the request is for.
fn permit_names(broker: &HostileBroker, kind: Kind, other: u64) {
    broker.plan(kind, move |passage| async move {
        let mut asking = passage.asking();
        asking.permit = passage.shared.permit(&asking.receiver, &asking.header, Some(other));
        let answer = passage.ask(asking).await;
        passage.give_honestly(answer).await;
    });
}

fn somebody_else(rig: &Rig, broker: &HostileBroker) {
    let persons = rig.known_persons(BODY, 2);
    let other = number_of(rig, broker, &persons[1]);
    let alarms = rig.alarms(Role::Node, Some("subject_mismatch"));
    permit_names(broker, Kind::SelfInfo, other);
    assert_eq!(rig.ask(&persons[0]), Err("SUBJECT_MISMATCH".into()));
    assert_eq!(rig.alarms(Role::Node, Some("subject_mismatch")), alarms + 1);
    held_off_then_served(rig, &persons[0]);
}

/// Two persons ask at the same time; each is given the other's answer, with or without an echo that fits.
fn exchanged(rig: &Rig, broker: &HostileBroker) {
    let persons = rig.known_persons(BODY, 2);
    for (fitted, alarm) in [(true, "sealed_body"), (false, "wrong_echo")] {
        rig.ask_until_answered(&persons[0]);
        let alarms = rig.alarms(Role::Portal, Some(alarm));
        let (to_second, from_first) = oneshot::channel();
        let (to_first, from_second) = oneshot::channel();
        swap(broker, fitted, to_second, from_second);
        swap(broker, fitted, to_first, from_first);
        let results = side_by_side(rig, &persons);
        assert!(results.contains(&Err("INTEGRITY_FAILURE".into())), "{results:?}");
        // The first mismatch stops the channel; whoever meets it stopped asks again, on another.
        for (result, known) in results.iter().zip(&persons) {
            let own = result.as_ref() == Ok(&known.value);
            assert!(own || *result == Err("INTEGRITY_FAILURE".into()), "{result:?} for {known:?}");
        }
        assert!(rig.alarms(Role::Portal, Some(alarm)) > alarms);
    }
    for known in &persons {
        rig.ask_until_answered(known);
    }
}

fn swap(
    broker: &HostileBroker,
    fitted: bool,
    give: oneshot::Sender<Vec<Frame>>,
    get: oneshot::Receiver<Vec<Frame>>,
) {
    broker.plan(Kind::SelfInfo, move |passage| async move {
        let answer = passage.ask_honestly().await;
        give.send(answer.frames.clone()).unwrap();
        let theirs = get.await.unwrap();
        let frames = if fitted { passage.echoed(&theirs) } else { theirs };
        passage.give(&frames, answer).await;
    });
}

/// An answer of before, given to a later request of the same person on the same channel.
fn given_again(rig: &Rig, broker: &HostileBroker) {
    let known = &rig.known_persons(BODY, 1)[0];
    for (fitted, alarm) in [(true, "sealed_body"), (false, "wrong_echo")] {
        rig.ask_until_answered(known);
        let alarms = rig.alarms(Role::Portal, Some(alarm));
        let (keep, kept) = oneshot::channel();
        broker.plan(Kind::SelfInfo, |passage| async move {
            let answer = passage.ask_honestly().await;
            keep.send(answer.frames.clone()).unwrap();
            passage.give_honestly(answer).await;
        });
        assert_eq!(rig.ask(known), Ok(known.value.clone()));
        broker.plan(Kind::SelfInfo, move |passage| async move {
            let answer = passage.ask_honestly().await;
            let old = kept.await.unwrap();
            let frames = if fitted { passage.echoed(&old) } else { old };
            passage.give(&frames, answer).await;
        });
        assert_eq!(rig.ask(known), Err("INTEGRITY_FAILURE".into()));
        assert_eq!(rig.alarms(Role::Portal, Some(alarm)), alarms + 1);
    }
    // Twice to the same request: what comes behind the first is not read as anything.
    rig.ask_until_answered(known);
    broker.plan(Kind::SelfInfo, |passage| async move {
        let answer = passage.ask_honestly().await;
        let frames = [answer.frames.clone(), answer.frames.clone()].concat();
        passage.give(&frames, answer).await;
    });
    assert_eq!(rig.ask(known), Ok(known.value.clone()));
    rig.ask_until_answered(known);
}

/// The same request brought to the node twice, under two good permits.
fn asked_again(rig: &Rig, broker: &HostileBroker) {
    let known = &rig.known_persons(BODY, 1)[0];
    rig.ask_until_answered(known);
    let replays = || rig.counted(Role::Node, "chukei_requests_total{", "\"REPLAY\"");
    let before = replays();
    broker.plan(Kind::SelfInfo, |passage| async move {
        let _first = passage.ask_honestly().await;
        let second = passage.ask_honestly().await;
        passage.give_honestly(second).await;
    });
    assert_eq!(rig.ask(known), Err("REPLAY".into()));
    // Counted a moment after it was answered.
    until("the refusal in the metrics", || (replays() == before + 1).then_some(()));
    rig.ask_until_answered(known);
}

/// A request for one body, brought to the node of others under a permit that fits there.
fn other_node(rig: &Rig, broker: &HostileBroker) {
    let known = &rig.known_persons(BODY, 1)[0];
    rig.ask_until_answered(known);
    let _second = SecondNode::of_another_body(rig.layout());
    let second = until("the other node", || broker.node("node-b"));
    let before = provided(rig, known);
    broker.plan(Kind::SelfInfo, move |passage| async move {
        let mut asking = passage.asking();
        asking.permit = passage.shared.permit(&second, &asking.header, passage.person);
        asking.receiver = second;
        let answer = passage.ask(asking).await;
        passage.give_honestly(answer).await;
    });
    assert_eq!(rig.ask(known), Err("NOT_FOUND".into()));
    assert_eq!(provided(rig, known), before);
    rig.ask_until_answered(known);
}

/// A request for one body, made out to another that the node hosts too.
fn other_body(rig: &Rig, broker: &HostileBroker) {
    let known = &rig.known_persons(BODY, 1)[0];
    rig.ask_until_answered(known);
    let before = provided(rig, known);
    broker.plan(Kind::SelfInfo, |passage| async move {
        let mut asking = passage.asking();
        let mut header = passage.request.header.clone();
        header.body = Some("982024".parse().unwrap());
        asking.header = header.to_bytes().unwrap();
        asking.permit = passage.shared.permit(&asking.receiver, &asking.header, passage.person);
        let answer = passage.ask(asking).await;
        assert_eq!(answer.frames.len(), 1, "another body answered");
        let frames = passage.echoed(&answer.frames);
        passage.give(&frames, answer).await;
    });
    // The other body knows no such channel, whereupon the portal sets up another and asks anew.
    assert_eq!(rig.ask(known), Ok(known.value.clone()));
    assert_eq!(provided(rig, known), before + 1);
}

/// A notice whose permit names somebody else is in nobody's folder; the person it is for gets it later.
fn notice_misdelivered(rig: &Rig, broker: &HostileBroker) {
    let persons = rig.known_persons(BODY, 2);
    let other = number_of(rig, broker, &persons[1]);
    let alarms = rig.alarms(Role::Portal, Some("subject_mismatch"));
    permit_names(broker, Kind::NoticeDelivery, other);
    let notice = rig.send(BODY, &notice("n-misdelivered", &[&persons[0].person]));
    until("an alarm", || (rig.alarms(Role::Portal, Some("subject_mismatch")) > alarms).then_some(()));
    assert_eq!(rig.notices(&persons[1]), Vec::<String>::new(), "the notice is in another person's folder");
    until("the notice", || (rig.notices(&persons[0]) == [notice.clone()]).then_some(()));
    assert_eq!(rig.notices(&persons[1]), Vec::<String>::new());
}
