//! What a broker that holds a real broker's keys can and cannot do to a node: R22, R30, R35, R50.

use chukei_harness::layout::Layout;
use chukei_harness::role::Role;
use chukei_relay_client::channel::{Channel, SealedBody};
use chukei_relay_client::connection::{CloseCode, ConnectionError};
use chukei_wire::frame::Outcome;
use chukei_wire::header::{Header, PersonCode};
use chukei_wire::limits::{CLOCK_SKEW_MS, PERMIT_LIFE_MS};
use chukei_wire::permit::{Permit, PermitClaims};
use chukei_wire::result::ResultName;
use libtest_mimic::{Failed, Trial};

use crate::copy_file::{Row, TAX, file};
use crate::group::{Shared, Test, group};
use crate::person::Person;
use crate::played_broker::{Answer, Known, PlayedBroker};
use crate::stage::{Stage, until};

const TESTS: &[Test<Played>] = &[
    ("r22_a_permit_opens_its_own_request_and_nothing_else", its_own_request),
    ("r22_a_request_id_is_used_once_also_across_a_restart_of_the_node", used_once),
    ("r22_r35_a_swapped_person_is_a_mismatch_an_alarm_and_a_stop", swapped_person),
    ("r30_a_changed_sealed_request_is_an_error_an_alarm_and_a_stop", changed_request),
    ("r1_a_body_that_is_not_hosted_and_a_person_of_another_are_not_found", not_hosted_not_here),
    ("r50_a_withheld_answer_has_the_size_of_the_real_one", withheld_answer),
];

pub(crate) fn trials() -> Vec<Trial> {
    group("permits", TESTS)
}

/// A stage whose broker and portal are played.
struct Played {
    broker: PlayedBroker,
    persons: Vec<(&'static str, Vec<Person>)>,
    stage: Stage,
    /// A mismatch holds a whole body off, and a restart the node: the tests take turns.
    turns: std::sync::Mutex<()>,
}

/// How long a body is held off after a mismatch in this stage, seconds.
const HOLD_SECONDS: u32 = 2;

impl Shared for Played {
    fn set() -> Result<Self, Failed> {
        let stage = Stage::start("permits", hold_briefly)?;
        let persons = ["982016", "982024", "983012"].map(|body| (body, enrolled(&stage, body)));
        let broker = PlayedBroker::take_over(&stage);
        Ok(Self { broker, persons: persons.into(), stage, turns: std::sync::Mutex::new(()) })
    }

    fn keep(&self) {
        self.stage.keep();
    }
}

fn hold_briefly(layout: &Layout) {
    let path = layout.config(Role::Node);
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, format!("{text}\n[limits]\nintegrity_hold_seconds = {HOLD_SECONDS}\n")).unwrap();
}

/// Persons of a body, the first two with a copy.
fn enrolled(stage: &Stage, body: &str) -> Vec<Person> {
    let persons = stage.persons(body, 4);
    let rows: Vec<Row<'_>> =
        ["one", "two"].iter().zip(&persons).map(|(id, person)| Row::new(body, person, id, id)).collect();
    let path = stage.written("copies.csv", file(&rows));
    assert_eq!(stage.staff(body, &["copy", "import", &path]).done()["registered"], 2);
    persons
}

impl Played {
    fn turn(&self) -> std::sync::MutexGuard<'_, ()> {
        self.turns.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn known(&self, body: &str, person: usize) -> Known {
        let (_, persons) = self.persons.iter().find(|(code, _)| *code == body).unwrap();
        self.broker.known(body, &persons[person])
    }

    fn run<T>(&self, work: impl Future<Output = T>) -> T {
        self.stage.runtime.block_on(work)
    }

    /// A channel with `body`, as soon as it is not held off any more.
    fn channel(&self, body: &str) -> Channel {
        until("a channel", || self.run(self.broker.channel(body)).ok())
    }

    /// Asks with a permit that `spoil` makes of good claims; none to send the request without one.
    fn ask_with(
        &self,
        channel: &Channel,
        body: &str,
        known: &Known,
        spoil: impl FnOnce(PermitClaims) -> Option<Permit>,
    ) -> Answer {
        let header = self.broker.on(channel, body);
        let hash = Header::hash(&header.to_bytes().unwrap());
        let permit = spoil(self.broker.claims(hash, Some(known.code)));
        let sealed = PlayedBroker::sealed_request(channel, &header, &known.bindings);
        self.run(self.broker.ask(channel, &header, permit, sealed, &known.bindings))
    }

    /// The value of a metric of the node; 0 where it was never counted.
    fn alarms(&self, kind: &str) -> u64 {
        let page = self.stage.stack.metrics(Role::Node).unwrap();
        let line = page.lines().find(|line| {
            line.starts_with("chukei_integrity_alarms_total{") && line.contains(&format!("kind=\"{kind}\""))
        });
        line.map_or(0, |line| line.rsplit(' ').next().unwrap().parse().unwrap())
    }

    /// Results of the requests that the body's staff see, in order.
    fn provisions(&self, body: &str) -> Vec<String> {
        let report = self.stage.staff(body, &["provision", "status"]).done();
        let provisions = report["provisions"].as_array().unwrap().iter();
        provisions.map(|provision| provision["result"].as_str().unwrap().to_owned()).collect()
    }
}

#[track_caller]
fn result(answer: Answer) -> ResultName {
    assert_eq!(answer.outcome, Outcome::Answered);
    let sealed = answer.sealed.unwrap();
    assert!(sealed.datasets.is_empty() || sealed.result == ResultName::Done, "{:?} with data", sealed.result);
    sealed.result
}

#[track_caller]
fn is_done(answer: Answer, value: &str) {
    let sealed = answer.sealed.unwrap_or_else(|| panic!("{:?}", answer.outcome));
    assert_eq!(sealed.result, ResultName::Done);
    assert_eq!(sealed.datasets[0].items[0].value, value);
}

fn its_own_request(played: &Played) {
    let _turn = played.turn();
    let body = "982016";
    let (channel, known) = (played.channel(body), played.known(body, 0));
    is_done(played.run(played.broker.ask_well(&channel, body, &known)), "one");
    let node = played.run(played.broker.node());
    let good = |claims| Some(PlayedBroker::authenticated(&node, claims));
    let over = PERMIT_LIFE_MS + CLOCK_SKEW_MS + 60_000;
    type Spoil<'a> = Box<dyn FnOnce(PermitClaims) -> Option<Permit> + 'a>;
    let cases: Vec<(&str, ResultName, Spoil<'_>)> = vec![
        ("none", ResultName::PermitScope, Box::new(|_| None)),
        (
            "expired",
            ResultName::PermitExpired,
            Box::new(|mut claims| {
                (claims.issued_ms, claims.expires_ms) = (claims.issued_ms - over, claims.expires_ms - over);
                good(claims)
            }),
        ),
        (
            "not begun",
            ResultName::PermitExpired,
            Box::new(|mut claims| {
                (claims.issued_ms, claims.expires_ms) = (claims.issued_ms + over, claims.expires_ms + over);
                good(claims)
            }),
        ),
        (
            "too long a life",
            ResultName::PermitExpired,
            Box::new(|mut claims| {
                claims.expires_ms += 1;
                good(claims)
            }),
        ),
        (
            "altered after it was authenticated",
            ResultName::BadSignature,
            Box::new(|claims| {
                let mut permit = good(claims).unwrap();
                permit.claims.expires_ms += 1;
                Some(permit)
            }),
        ),
        (
            "another person put in",
            ResultName::BadSignature,
            Box::new(|claims| {
                let mut permit = good(claims).unwrap();
                permit.claims.person = Some(played.known(body, 1).code);
                Some(permit)
            }),
        ),
        (
            "a wrong code",
            ResultName::BadSignature,
            Box::new(|claims| {
                let mut permit = good(claims).unwrap();
                permit.mac[31] ^= 1;
                Some(permit)
            }),
        ),
        (
            "of another request",
            ResultName::PermitScope,
            Box::new(|mut claims| {
                claims.header.0[0] ^= 1;
                good(claims)
            }),
        ),
        (
            "of another broker",
            ResultName::PermitScope,
            Box::new(|mut claims| {
                claims.broker = "broker-b".to_owned();
                good(claims)
            }),
        ),
        (
            "about nobody",
            ResultName::PermitScope,
            Box::new(|mut claims| {
                claims.person = None;
                good(claims)
            }),
        ),
    ];
    for (what, name, spoil) in cases {
        let answer = played.ask_with(&channel, body, &known, spoil);
        assert_eq!(answer.outcome, Outcome::Refused(name), "{what}");
        assert!(answer.sealed.is_none(), "{what}: nothing comes with a refusal");
    }
    is_done(played.run(played.broker.ask_well(&channel, body, &known)), "one");
}

fn used_once(played: &Played) {
    let _turn = played.turn();
    let body = "982016";
    let known = played.known(body, 0);
    let ask = |channel: &Channel, header: &Header| {
        let node = played.run(played.broker.node());
        let hash = Header::hash(&header.to_bytes().unwrap());
        let permit = Some(played.broker.permit(&node, hash, Some(known.code)));
        let sealed = PlayedBroker::sealed_request(channel, header, &known.bindings);
        played.run(played.broker.ask(channel, header, permit, sealed, &known.bindings))
    };
    let channel = played.channel(body);
    let header = played.broker.on(&channel, body);
    is_done(ask(&channel, &header), "one");
    let replay = Outcome::Refused(ResultName::Replay);
    assert_eq!(ask(&channel, &header).outcome, replay, "the same request again, by a new permit");
    let altered = Header { deadline_ms: 19_999, ..header.clone() };
    assert_eq!(ask(&channel, &altered).outcome, replay, "another request under the same id");

    let node = played.run(played.broker.node());
    played.stage.stack.stop_role(Role::Node).unwrap();
    let told = ConnectionError::ClosedByPeer(CloseCode::Shutdown as u64);
    assert_eq!(played.run(node.closed()), told, "a node that stops tells its brokers");
    played.stage.stack.start_role(Role::Node).unwrap();
    let channel = played.channel(body);
    let again = Header { channel: Some(channel.id()), ..header };
    assert_eq!(ask(&channel, &again).outcome, replay, "the window is rebuilt from the journal");
    is_done(played.run(played.broker.ask_well(&channel, body, &known)), "one");
    let provisions = played.provisions(body);
    assert_eq!(provisions.iter().filter(|result| *result == "REPLAY").count(), 3, "{provisions:?}");
}

fn swapped_person(played: &Played) {
    let _turn = played.turn();
    let body = "982024";
    let channel = played.channel(body);
    let (mine, other) = (played.known(body, 0), played.known(body, 1));
    let (alarms, seen) = (played.alarms("subject_mismatch"), played.provisions(body).len());
    let node = played.run(played.broker.node());
    let answer = played.ask_with(&channel, body, &mine, |mut claims| {
        claims.person = Some(other.code);
        Some(PlayedBroker::authenticated(&node, claims))
    });
    assert_eq!(result(answer), ResultName::SubjectMismatch);
    assert_eq!(played.alarms("subject_mismatch"), alarms + 1);
    assert_eq!(played.provisions(body)[seen..], ["SUBJECT_MISMATCH"]);
    let stopped = played.run(played.broker.ask_well(&channel, body, &mine));
    assert_eq!(stopped.outcome, Outcome::Refused(ResultName::IntegrityStop), "nothing more on this channel");
    // Held off for its time, the pair goes on with a new channel.
    let fresh = played.channel(body);
    is_done(played.run(played.broker.ask_well(&fresh, body, &mine)), "one");
}

fn changed_request(played: &Played) {
    let _turn = played.turn();
    let body = "982024";
    let known = played.known(body, 0);
    for spoilt in 0..2 {
        let channel = played.channel(body);
        let alarms = played.alarms("sealed_request");
        let header = played.broker.on(&channel, body);
        let node = played.run(played.broker.node());
        let hash = Header::hash(&header.to_bytes().unwrap());
        let permit = Some(played.broker.permit(&node, hash, Some(known.code)));
        let mut sealed = PlayedBroker::sealed_request(&channel, &header, &known.bindings);
        if spoilt == 0 {
            sealed.frames[SealedBody::FIRST_CHUNK + 100] ^= 1;
        } else {
            // A whole request, sealed for another header.
            sealed =
                PlayedBroker::sealed_request(&channel, &played.broker.on(&channel, body), &known.bindings);
        }
        let answer = played.run(played.broker.ask(&channel, &header, permit, sealed, &known.bindings));
        assert_eq!(answer.outcome, Outcome::Refused(ResultName::IntegrityStop));
        assert_eq!(played.alarms("sealed_request"), alarms + 1);
        assert_eq!(
            played.provisions(body).last().unwrap(),
            "INTEGRITY_FAILURE",
            "the body's log says what it was"
        );
        let stopped = played.run(played.broker.ask_well(&channel, body, &known));
        assert_eq!(stopped.outcome, Outcome::Refused(ResultName::IntegrityStop));
    }
    let fresh = played.channel(body);
    is_done(played.run(played.broker.ask_well(&fresh, body, &known)), "one");
}

fn not_hosted_not_here(played: &Played) {
    let _turn = played.turn();
    let body = "982016";
    let channel = played.channel(body);
    let known = played.known(body, 0);
    let not_hosted = played.run(played.broker.ask_well(&channel, "980005", &known));
    assert_eq!(not_hosted.outcome, Outcome::Refused(ResultName::NotFound));
    let elsewhere = played.run(played.broker.ask_well(&channel, "983012", &known));
    assert_eq!(elsewhere.outcome, Outcome::ChannelUnknown, "a channel serves the body it was set up with");

    let foreign = played.known("983012", 0);
    assert_eq!(result(played.run(played.broker.ask_well(&channel, body, &foreign))), ResultName::NotFound);
    let nobody = Known { code: PersonCode([1; 17]), bindings: played.known(body, 0).bindings };
    assert_eq!(result(played.run(played.broker.ask_well(&channel, body, &nobody))), ResultName::NotFound);
}

fn withheld_answer(played: &Played) {
    let _turn = played.turn();
    let body = "983012";
    let (_, persons) = played.persons.iter().find(|(code, _)| *code == body).unwrap();
    let long = "長い通知".repeat(200);
    let rows: Vec<Row<'_>> = (0..2)
        .flat_map(|person| ["11", "12", "13", "14", "15"].map(|key| (person, key)))
        .map(|(person, key)| Row {
            record_key: key,
            record_id: ["a-11", "a-12", "a-13", "a-14", "a-15", "b-11", "b-12", "b-13", "b-14", "b-15"]
                [person * 5 + key.parse::<usize>().unwrap() - 11],
            ..Row::new(body, &persons[2 + person], "", &long)
        })
        .collect();
    let path = played.stage.written("copies.csv", file(&rows));
    assert_eq!(played.stage.staff(body, &["copy", "import", &path]).done()["registered"], 10);

    let channel = played.channel(body);
    let size =
        |person: usize| played.run(played.broker.reply_size(&channel, body, &played.known(body, person)));
    let ask = |person: usize| played.run(played.broker.ask_well(&channel, body, &played.known(body, person)));
    let (long_answer, short_answer) = (size(2), size(0));
    assert!(
        long_answer > 10_000 && short_answer < 2_000,
        "{long_answer}, {short_answer}: the sizes tell apart"
    );
    assert_eq!(size(2), long_answer, "the size of an answer is the same each time");

    let block = |person: usize, args: &[&str]| {
        let blocked = [&["person", "block", &persons[person].addressee], args].concat();
        assert_eq!(played.stage.staff(body, &blocked).done()["result"], "REGISTERED");
    };
    block(2, &[]);
    block(3, &["--dataset", TAX]);
    block(0, &[]);
    for person in [2, 3, 0] {
        assert_eq!(result(ask(person)), ResultName::UnavailableAskBody, "and nothing says why");
    }
    assert_eq!([size(2), size(3), size(0)], [long_answer, long_answer, short_answer]);
    is_done(ask(1), "two");
}
