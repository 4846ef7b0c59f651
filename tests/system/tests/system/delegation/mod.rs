//! R42: another body's staff act under a pre-authorised, dated, scoped delegation (事務代行), and under nothing else; D10's
//! part of it.

mod told;

use chukei_harness::layout::{AFFAIRS, Layout};
use chukei_harness::role::Role;
use chukei_wire::frame::{FRAME_HEAD, Outcome, Status};
use chukei_wire::header::{Hop, Kind};
use chukei_wire::leave::Leave;
use chukei_wire::message::staff::PersonListRequest;
use chukei_wire::result::ResultName;
use libtest_mimic::{Failed, Trial};

use crate::copy_file::{Row, TAX, file};
use crate::founding::{moment, refounded};
use crate::group::{Shared, Test, group};
use crate::hop::{Caller, Reply, credentials, dial_staff};
use crate::program::Ended;
use crate::stage::Stage;

const TESTS: &[Test<Delegated>] = &[
    ("d10_r42_staff_of_another_body_act_under_its_delegation_and_both_logs_tell", acts_on_behalf),
    ("r42_what_the_delegation_does_not_cover_is_proxy_scope", beyond_the_scope),
    ("r42_before_its_begin_and_from_its_end_on_a_delegation_is_proxy_expired", outside_its_time),
    ("r42_r1_without_a_delegation_a_body_is_like_one_that_does_not_exist", not_authorised),
    ("r42_a_delegation_taken_back_is_felt_by_the_very_next_operation_on_a_live_connection", taken_back),
    ("r42_delegations_that_contradict_each_other_are_refused", contradictory),
];

pub(crate) fn trials() -> Vec<Trial> {
    group("delegation", &[TESTS, told::TESTS].concat())
}

/// In trouble, and acted for.
const BODY: &str = "982016";
/// Acts for it.
const HELPER: &str = "982024";
/// Was, or will be, allowed to.
const OTHER: &str = "983012";
/// Valid, and hosted nowhere.
const NOBODYS: &str = "980005";

/// A stage whose first body has delegated.
struct Delegated(Stage);

impl Shared for Delegated {
    fn set() -> Result<Self, Failed> {
        let stage = Stage::start("delegation", |layout| {
            // What two persons decide, such as to export a log, is done at once.
            let node = layout.config(Role::Node);
            let text = std::fs::read_to_string(&node).unwrap();
            std::fs::write(&node, format!("{text}\n[two_person]\nwait_hours = 0\n")).unwrap();
            let day = |days| moment(layout, days);
            delegate(
                layout,
                "d-tax",
                HELPER,
                &["copy_import", "copy_show", "person_block", "person_list"],
                [day(-1), day(20)],
            );
            delegate(layout, "d-past", OTHER, &["copy_show"], [day(-20), day(-1)]);
            delegate(layout, "d-future", OTHER, &["person_list"], [day(40), day(50)]);
        })?;
        Ok(Self(stage))
    }

    fn keep(&self) {
        self.0.keep();
    }
}

/// Adds a delegation of the tax affair to the first body's founding document.
fn delegate(layout: &Layout, id: &str, to: &str, functions: &[&str], [from, until]: [String; 2]) {
    refounded(layout, BODY, |text| {
        format!(
            "{text}\n[[delegation]]\nid = \"{id}\"\nto = \"{to}\"\naffairs = [\"{}\"]\nfunctions = {functions:?}\n\
             from = \"{from}\"\nuntil = \"{until}\"\n",
            AFFAIRS[0]
        )
    });
}

/// The tests share one stage, and one of them counts events: they take turns.
static TURNS: std::sync::Mutex<()> = std::sync::Mutex::new(());

fn turn() -> std::sync::MutexGuard<'static, ()> {
    TURNS.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// The member of staff of `body` who does everything there, on a connection of their own.
fn dialled(stage: &Stage, body: &str) -> Caller {
    let credentials = credentials(stage.layout(), &format!("staff-{body}-u-tax-07"));
    stage.runtime.block_on(dial_staff(stage.layout(), &credentials)).unwrap()
}

/// What the caller's body may do on behalf of another.
fn leave(of: &str) -> Hop {
    Hop { leave: Leave::of(Some(of.parse().unwrap()), None), ..Hop::default() }
}

#[track_caller]
fn outcome(reply: &Reply) -> Outcome {
    assert_eq!(reply.error, None);
    let length = u32::from_be_bytes(reply.bytes[1..FRAME_HEAD].try_into().unwrap()) as usize;
    Status::from_bytes(&reply.bytes[FRAME_HEAD..FRAME_HEAD + length]).unwrap().outcome
}

fn on_behalf(stage: &Stage, of: &str, by: &str, args: &[&str]) -> Ended {
    stage.staff(by, &[&["--on-behalf-of", of], args].concat())
}

/// Events of a body's log, read by its own staff, which adds to them.
fn events(stage: &Stage, body: &str) -> u64 {
    let report = stage.staff(body, &["audit", "verify"]).done();
    assert_eq!(report["verified"], true, "{report}");
    report["events"].as_u64().unwrap()
}

fn acts_on_behalf(Delegated(stage): &Delegated) {
    let _turn = turn();
    let person = &stage.persons(BODY, 1)[0];
    let rows = stage.written("copies.csv", file(&[Row::new(BODY, person, "proxied", "代行で登録した値")]));
    let done = on_behalf(stage, BODY, HELPER, &["copy", "import", &rows]).done();
    assert_eq!(done["registered"], 1, "{done}");
    let show = ["copy", "show", "--person", &person.addressee, "--dataset", TAX];
    let shown = on_behalf(stage, BODY, HELPER, &show).done();
    assert_eq!(shown, stage.staff(BODY, &show).done(), "what the body's own staff see");
    assert!(shown.to_string().contains("代行で登録した値"), "{shown}");
    // It went where it belongs, and the person sees it as the body's.
    assert_eq!(stage.staff(HELPER, &show).refused(), "NOT_FOUND");
    assert_eq!(stage.self_info(&person.user, BODY, &[TAX])["body"], BODY);
    // Both logs: the act has an event before and one after, in either, beside those of the two readings.
    let before = [events(stage, BODY), events(stage, HELPER)];
    on_behalf(stage, BODY, HELPER, &show).done();
    let after = [events(stage, BODY), events(stage, HELPER)];
    assert_eq!([after[0] - before[0], after[1] - before[1]], [4, 4]);
}

fn beyond_the_scope(Delegated(stage): &Delegated) {
    let _turn = turn();
    let person = &stage.with_copies(BODY, 1)[0].addressee;
    // Another affair.
    let care = ["--affair", AFFAIRS[1], "copy", "show", "--person", person, "--dataset", TAX];
    assert_eq!(on_behalf(stage, BODY, HELPER, &care).refused(), "PROXY_SCOPE");
    // Other functions, and what cannot be delegated at all.
    let provision = ["provision", "status", "--person", person];
    for args in
        [&["notice", "list"][..], &provision, &["audit", "verify"], &["keys", "status"], &["keys", "rotate"]]
    {
        assert_eq!(on_behalf(stage, BODY, HELPER, args).refused(), "PROXY_SCOPE", "{args:?}");
    }
}

fn outside_its_time(Delegated(stage): &Delegated) {
    let _turn = turn();
    let person = &stage.with_copies(BODY, 1)[0].addressee;
    let show = ["copy", "show", "--person", person, "--dataset", TAX];
    assert_eq!(on_behalf(stage, BODY, OTHER, &show).refused(), "PROXY_EXPIRED");
    assert_eq!(on_behalf(stage, BODY, OTHER, &["person", "list"]).refused(), "PROXY_EXPIRED");
}

fn not_authorised(Delegated(stage): &Delegated) {
    let _turn = turn();
    // The body delegated to others, the helper gave nothing, nobody hosts the last one; nobody acts for themselves.
    for (of, by) in [(HELPER, BODY), (OTHER, BODY), (NOBODYS, BODY), (BODY, BODY), (HELPER, OTHER)] {
        assert_eq!(
            on_behalf(stage, of, by, &["person", "list"]).refused(),
            "NOT_AUTHORISED",
            "{by} for {of}"
        );
    }
    // Without a word about a delegation another body is what it always was.
    assert_eq!(stage.staff(HELPER, &["--body", BODY, "person", "list"]).refused(), "NOT_FOUND");
    // Byte for byte the same, whether the body gave nothing or is nobody's.
    let caller = dialled(stage, BODY);
    let list = chukei_wire::codec::encode(&PersonListRequest { after: None }).unwrap();
    let ask = |about: &str, of: &str| {
        let header = caller.header(Kind::PersonList, about);
        let list = std::slice::from_ref(&list);
        stage.runtime.block_on(caller.try_ask_with(&header, &leave(of), list)).unwrap()
    };
    let reply = ask(HELPER, HELPER);
    assert_eq!(reply, ask(NOBODYS, NOBODYS));
    assert_eq!(outcome(&reply), Outcome::Refused(ResultName::NotAuthorised));
    // The leave is for the body of the header and for no other.
    assert_eq!(outcome(&ask(HELPER, BODY)), Outcome::Refused(ResultName::NotFound));
}

/// Given and taken back by the body's administrator while another body's member of staff is connected.
fn taken_back(Delegated(stage): &Delegated) {
    let _turn = turn();
    let caller = dialled(stage, BODY);
    let list = chukei_wire::codec::encode(&PersonListRequest { after: None }).unwrap();
    let asked = || {
        let header = caller.header(Kind::PersonList, HELPER);
        let list = std::slice::from_ref(&list);
        outcome(&stage.runtime.block_on(caller.try_ask_with(&header, &leave(HELPER), list)).unwrap())
    };
    let refused = Outcome::Refused(ResultName::NotAuthorised);
    assert_eq!(asked(), refused);
    for id in ["d-back-1", "d-back-2"] {
        assert_eq!(granted(stage, id, [-1, 20]).code, Some(0));
        assert_eq!(asked(), Outcome::Answered, "the very next one");
        stage.staff(HELPER, &["delegation", "revoke", id]).done();
        assert_eq!(asked(), refused, "the very next one");
    }
}

/// The helper's administrator lets the other body list persons, from so many days after now until so many.
fn granted(stage: &Stage, id: &str, [from, until]: [i64; 2]) -> Ended {
    let [from, until] = [from, until].map(|days| moment(stage.layout(), days));
    let args =
        ["delegation", "grant", id, "--to", BODY, "--affairs", AFFAIRS[0], "--function", "person_list"];
    stage.staff(HELPER, &[&args[..], &["--from", &from, "--until", &until]].concat())
}

fn contradictory(Delegated(stage): &Delegated) {
    let _turn = turn();
    granted(stage, "d-first", [1, 9]).done();
    assert_eq!(granted(stage, "d-second", [8, 12]).refused(), "BAD_FORMAT", "two would decide");
    assert_eq!(granted(stage, "d-never", [9, 8]).refused(), "BAD_PERIOD");
    let itself = ["delegation", "grant", "d-own", "--to", HELPER, "--affairs", AFFAIRS[0]];
    let [from, until] = [30, 31].map(|days| moment(stage.layout(), days));
    let rest = ["--function", "person_list", "--from", &from, "--until", &until];
    assert_eq!(stage.staff(HELPER, &[&itself[..], &rest].concat()).refused(), "BAD_FORMAT", "to itself");
    stage.staff(HELPER, &["delegation", "revoke", "d-first"]).done();
    granted(stage, "d-second", [8, 12]).done();
    stage.staff(HELPER, &["delegation", "revoke", "d-second"]).done();
}
