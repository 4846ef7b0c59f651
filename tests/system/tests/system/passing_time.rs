//! What the passing of days does: publication, expiry on both sides, renewals, certificates. The clock of every
//! role is moved, forwards only; nobody sleeps.

use std::sync::{Mutex, MutexGuard, PoisonError};

use chukei_domain::day::{Day, day_of};
use chukei_harness::layout::{BODIES, Layout, STAFF};
use chukei_harness::role::Role;
use chukei_ops::pki::{Pki, Validity};
use chukei_relay_client::clock::Clock;
use chukei_relay_client::connection::{CloseCode, ConnectionError};
use chukei_wire::header::Kind;
use libtest_mimic::{Failed, Trial};
use serde_json::{Value, json};

use crate::copy_file::{Row, TAX, file};
use crate::group::{Shared, Test, group};
use crate::hop::{credentials, dial_staff};
use crate::notice_file::{notice, with};
use crate::page::metric;
use crate::stage::{Stage, until};

const TESTS: &[Test<Timed>] = &[
    ("copies_are_shown_from_their_first_day_to_their_last", copies_by_day),
    ("a_notice_is_published_at_its_time_and_not_before", publication),
    ("a_notice_is_there_on_its_last_day_and_gone_on_both_sides_on_the_next", expiry),
    ("a_notice_that_could_not_be_delivered_in_its_time_is_never_delivered", never_delivered),
    ("r20_a_certificate_that_ends_ends_its_live_connection", certificate_ends),
];

pub(crate) fn trials() -> Vec<Trial> {
    group("passing_time", TESTS)
}

const BODY: &str = "982016";
const DAY_S: u64 = 86_400;
/// Japan is nine hours ahead of UTC, without daylight saving.
const JAPAN_S: u64 = 9 * 3_600;

/// A stage whose days the tests let pass, one test at a time.
struct Timed {
    stage: Stage,
    /// Seconds between the machine's time and the noon at which the stage was set.
    noon: u64,
    days: Mutex<u64>,
}

/// The time of one test: days that have passed since the stage was set.
struct Turn<'a> {
    stage: &'a Stage,
    noon: u64,
    days: MutexGuard<'a, u64>,
}

impl Shared for Timed {
    fn set() -> Result<Self, Failed> {
        let stage = Stage::start("time", at_noon)?;
        let offset = std::fs::read_to_string(stage.layout().dir().join("clock"))?;
        let noon = offset.trim_matches(['+', 's']).parse()?;
        Ok(Self { stage, noon, days: Mutex::new(0) })
    }

    fn keep(&self) {
        self.stage.keep();
    }
}

/// Seconds from now until it is noon in Japan: far from midnight, whenever the tests run.
fn until_noon() -> u64 {
    let japan = Clock::system().now_ms() / 1_000 + JAPAN_S;
    (DAY_S + DAY_S / 2 - japan % DAY_S) % DAY_S
}

fn at_noon(layout: &Layout) {
    layout.set_clock(&format!("+{}s", until_noon())).unwrap();
}

impl Timed {
    fn turn(&self) -> Turn<'_> {
        Turn {
            stage: &self.stage,
            noon: self.noon,
            days: self.days.lock().unwrap_or_else(PoisonError::into_inner),
        }
    }
}

impl Turn<'_> {
    /// Lets `days` pass, and waits until the portal has noticed: a login that is open meanwhile times out.
    fn pass(&mut self, days: u32) {
        let left = || metric(self.stage.layout(), Role::Portal, "chukei_certificate_days_left");
        let before = left();
        self.pass_unseen(days);
        until("the new day at the portal", || (left() < before - f64::from(days) + 0.5).then_some(()));
    }

    /// Lets `days` pass while the portal is away.
    fn pass_unseen(&mut self, days: u32) {
        *self.days += u64::from(days);
        self.stage.layout().set_clock(&format!("+{}s", self.noon + *self.days * DAY_S)).unwrap();
    }

    /// The civil day in Japan that lies `ahead` days after today's.
    fn day(&self, ahead: i64) -> Day {
        let today = day_of(self.stage.layout().clock().now_ms());
        Day::from_number(today.checked_add_signed(i32::try_from(ahead).unwrap()).unwrap())
    }
}

fn copies_by_day(timed: &Timed) {
    let mut turn = timed.turn();
    let person = &turn.stage.persons(BODY, 1)[0];
    let days: Vec<String> = (-1..=2).map(|ahead| turn.day(ahead).to_string().replace('-', "")).collect();
    let [yesterday, today, tomorrow, after] = &days[..] else { unreachable!() };
    let row = |id: &'static str, from: &'static str, until: &'static str| (id, from, until);
    let rows = [
        row("ended", "past", "yesterday"),
        row("last-day", "past", "today"),
        row("first-day", "today", "after"),
        row("from-tomorrow", "tomorrow", ""),
        row("tomorrow-only", "tomorrow", "tomorrow"),
    ];
    let date = |name: &str| match name {
        "past" => "20240401",
        "yesterday" => yesterday,
        "today" => today,
        "tomorrow" => tomorrow,
        "after" => after,
        _ => "",
    };
    let rows: Vec<Row<'_>> = rows
        .iter()
        .map(|(id, from, until)| Row {
            from: date(from),
            until: date(until),
            ..Row::new(BODY, person, id, id)
        })
        .collect();
    let path = turn.stage.written("copies.csv", file(&rows));
    assert_eq!(turn.stage.staff(BODY, &["copy", "import", &path]).done()["registered"], 5);
    let shown = |answer: Value| {
        let items = answer["datasets"][0]["items"].as_array().cloned().unwrap_or_default();
        items.iter().map(|item| item["value"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(shown(turn.stage.self_info(&person.user, BODY, &[TAX])), ["first-day", "last-day"]);
    turn.pass(1);
    let stage = turn.stage;
    let as_is = |expected: &[&str]| {
        let asked = ["self-info", "--person", &person.user, "--body", BODY, "--dataset", TAX];
        let ended = stage.portal(&asked);
        if ended.code == Some(3) {
            // Broker and node see the new day one after the other.
            assert_eq!(ended.refused(), "PERMIT_EXPIRED");
            return None;
        }
        (shown(ended.done()) == expected).then_some(())
    };
    until("the next day's items", || as_is(&["first-day", "from-tomorrow", "tomorrow-only"]));
    turn.pass(2);
    until("the items that have no end", || as_is(&["from-tomorrow"]));
}

fn publication(timed: &Timed) {
    let mut turn = timed.turn();
    let person = &turn.stage.persons(BODY, 1)[0];
    let publish_at = format!("{}T09:00:00+09:00", turn.day(2));
    let later = with(notice("later", &[person]), "publish_at", json!(publish_at));
    let id = turn.stage.send(BODY, &later);
    // One that is sent after it and published at once shows that deliveries go on meanwhile.
    let now = turn.stage.send(BODY, &notice("at-once", &[person]));
    turn.stage.until_listed(&person.user, &now);
    turn.pass(1);
    assert_eq!(turn.stage.times_listed(&person.user, &id), 0);
    let args = ["read", "--person", &person.user, "--notice", &id];
    assert_eq!(turn.stage.portal(&args).refused(), "NOT_FOUND");
    let status = turn.stage.staff(BODY, &["notice", "status", &id]).done();
    assert_eq!(status["targets"][0]["state"], "PENDING", "{status}");
    turn.pass(1);
    turn.stage.until_listed(&person.user, &id);
    let opened = turn.stage.portal(&args).done();
    assert_eq!(opened["published"], publish_at.as_str());
    assert_eq!(opened["expires"], turn.day(30).to_string(), "retention counts from publication");
}

fn expiry(timed: &Timed) {
    let mut turn = timed.turn();
    let persons = turn.stage.persons(BODY, 2);
    let [reader, other] = &persons[..] else { unreachable!() };
    let row = Row::new(BODY, reader, "kept", "値");
    let path = turn.stage.written("copies.csv", file(&[row]));
    turn.stage.staff(BODY, &["copy", "import", &path]).done();
    let id = turn.stage.send(BODY, &notice("thirty-days", &[reader, other]));
    persons.iter().for_each(|person| turn.stage.until_listed(&person.user, &id));
    let answer = |stage: &Stage, user: &str| {
        stage.portal(&["answer", "--person", user, "--notice", &id, "--choice", "A"])
    };
    let last_day = turn.day(30);
    let destroyed =
        |stage: &Stage| metric(stage.layout(), Role::Portal, "chukei_portal_day_keys_destroyed_total");
    let before = destroyed(turn.stage);

    turn.pass(30);
    let args = ["read", "--person", &reader.user, "--notice", &id];
    assert_eq!(turn.stage.portal(&args).done()["title"], "受取方法のご案内", "there on its last day");
    answer(turn.stage, &reader.user).done();
    let status = until("the answer, by a route that was renewed meanwhile", || {
        let status = turn.stage.staff(BODY, &["notice", "status", &id]).done();
        (status["targets"][0]["answers"] == json!(["A"])).then_some(status)
    });
    assert_eq!(status["targets"][1]["state"], "UNREAD");

    turn.pass(1);
    until("gone from the list", || (turn.stage.times_listed(&reader.user, &id) == 0).then_some(()));
    assert_eq!(turn.stage.portal(&args).refused(), "EXPIRED");
    assert_eq!(answer(turn.stage, &other.user).refused(), "EXPIRED");
    assert_eq!(turn.stage.staff(BODY, &["notice", "status", &id]).refused(), "ERASED");
    let list = turn.stage.staff(BODY, &["notice", "list"]).done();
    let listed = list["notices"].as_array().unwrap().iter().find(|listed| listed["notice_id"] == id).unwrap();
    assert_eq!(listed["state"], "ERASED", "that it was, stays");
    for purpose in ["notices", "answers"] {
        let told = format!("\"purpose\":\"{purpose}\",\"day\":{}", last_day.number());
        until("the end of the day's keys at the body", || {
            let log = std::fs::read_to_string(turn.stage.layout().log(Role::Node)).unwrap();
            log.lines().any(|line| line.contains("day key destroyed") && line.contains(&told)).then_some(())
        });
    }
    until("the end of the day's keys at the portal", || (destroyed(turn.stage) > before).then_some(()));
    assert_eq!(turn.stage.staff(BODY, &["audit", "verify"]).done()["verified"], true);
    let answer = turn.stage.self_info(&reader.user, BODY, &[TAX]);
    assert_eq!(answer["datasets"][0]["items"][0]["value"], "値", "copies do not end with notices");
}

fn never_delivered(timed: &Timed) {
    let mut turn = timed.turn();
    let person = &turn.stage.persons(BODY, 1)[0];
    turn.stage.stack.stop_role(Role::Portal).unwrap();
    let id = turn.stage.send(BODY, &with(notice("too-late", &[person]), "retention_days", json!(1)));
    let status = turn.stage.staff(BODY, &["notice", "status", &id]).done();
    assert_eq!(status["targets"][0]["state"], "PENDING");
    turn.pass_unseen(2);
    until("the erasure at the body", || {
        (turn.stage.staff(BODY, &["notice", "status", &id]).code == Some(3)).then_some(())
    });
    turn.stage.stack.start_role(Role::Portal).unwrap();
    turn.stage.stack.wait_ready(std::time::Duration::from_secs(60)).unwrap();
    // The outbox is served in order of publication: what comes behind it shows that it was passed by.
    let next = turn.stage.send(BODY, &notice("in-time", &[person]));
    turn.stage.until_listed(&person.user, &next);
    assert_eq!(turn.stage.times_listed(&person.user, &id), 0);
    let args = ["read", "--person", &person.user, "--notice", &id];
    assert_eq!(turn.stage.portal(&args).refused(), "NOT_FOUND", "the portal never heard of it");
}

fn certificate_ends(timed: &Timed) {
    let mut turn = timed.turn();
    let pki = Pki::open(&turn.stage.layout().dir().join("pki")).unwrap();
    let body = BODIES[0].code;
    let validity = Validity { now_ms: turn.stage.layout().clock().now_ms(), days: 2 };
    pki.issue_staff(body.parse().unwrap(), "u-brief-01", validity).unwrap();
    let brief = credentials(turn.stage.layout(), &format!("staff-{body}-u-brief-01"));
    let usual = credentials(turn.stage.layout(), &format!("staff-{body}-{STAFF}"));
    let stage = turn.stage;
    let runtime = &stage.runtime;
    let dial = |credentials| runtime.block_on(dial_staff(stage.layout(), credentials));
    let (ending, lasting) = (dial(&brief).unwrap(), dial(&usual).unwrap());
    let ask = |caller: &crate::hop::Caller| {
        let header = caller.header(Kind::CatalogueList, body);
        runtime.block_on(caller.try_ask(&header, &[]))
    };
    assert_eq!(ask(&ending).unwrap().error, None);
    turn.pass(3);
    until("the end of the connection", || ask(&ending).err().map(drop));
    let over = ConnectionError::ClosedByPeer(CloseCode::CertificateOver as u64);
    let closed = runtime.block_on(ending.peer.closed());
    assert!(closed == over || closed == ConnectionError::ClosedHere, "{closed:?}");
    // The node judges the certificate last: by then its own is accepted.
    let refused = dial(&brief).map(|caller| runtime.block_on(caller.peer.closed()));
    assert!(matches!(refused, Err(_) | Ok(ConnectionError::CertificateRefused)), "let in again: {refused:?}");
    assert_eq!(ask(&lasting).unwrap().error, None, "another's certificate is not over");
}
