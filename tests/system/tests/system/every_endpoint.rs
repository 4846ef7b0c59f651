//! Every endpoint of the table, through a real node: who has no right is denied, another body is answered like one that
//! does not exist, byte for byte and in the same time, and every refusal leaves its event.

use std::time::Instant;

use chukei_node::access::endpoint::{ENDPOINTS, Entrance};
use chukei_ops::pki::{Pki, Validity};
use chukei_wire::frame::{FRAME_HEAD, Outcome, Status};
use chukei_wire::header::{Header, Kind};
use chukei_wire::identity::Identity;
use chukei_wire::result::ResultName;
use libtest_mimic::Trial;

use crate::group::{Test, group};
use crate::hop::{Caller, Reply, credentials, dial_staff};
use crate::stage::Stage;

const TESTS: &[Test<Stage>] = &[
    ("every_endpoint_denies_who_is_on_no_record_and_leaves_an_event", nobody),
    ("every_endpoint_tells_each_body_of_refused_upkeep_that_is_about_none_of_them", upkeep_of_none),
    ("every_endpoint_denies_a_device_reported_unhealthy_at_the_very_next_operation", unhealthy),
    ("every_endpoint_answers_across_bodies_in_the_time_of_what_does_not_exist", same_time),
];

pub(crate) fn trials() -> Vec<Trial> {
    group("every_endpoint", TESTS)
}

const OWN: &str = "982024";
const OTHER: &str = "983012";
/// Whose review queue may hear of it.
const THIRD: &str = "982016";
/// Valid, and hosted nowhere.
const NOBODYS: &str = "980005";
/// Pairs of requests of one kind.
const PAIRS: usize = 24;

/// One test at a time: one reports the device that the others come from as unhealthy.
static TURNS: std::sync::Mutex<()> = std::sync::Mutex::new(());

fn taking_turns() -> std::sync::MutexGuard<'static, ()> {
    TURNS.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn caller(stage: &Stage, stem: &str) -> Caller {
    let credentials = credentials(stage.layout(), stem);
    stage.runtime.block_on(dial_staff(stage.layout(), &credentials)).unwrap()
}

fn ask(stage: &Stage, caller: &Caller, kind: Kind, body: &str) -> Reply {
    stage.runtime.block_on(caller.ask(&caller.header(kind, body), &[]))
}

#[track_caller]
fn outcome(reply: &Reply) -> Outcome {
    assert_eq!(reply.error, None);
    let length = u32::from_be_bytes(reply.bytes[1..FRAME_HEAD].try_into().unwrap()) as usize;
    Status::from_bytes(&reply.bytes[FRAME_HEAD..FRAME_HEAD + length]).unwrap().outcome
}

fn events(stage: &Stage, body: &str) -> u64 {
    let report = stage.staff(body, &["audit", "verify"]).done();
    assert_eq!(report["verified"], true, "{report}");
    report["events"].as_u64().unwrap()
}

/// A certificate of the body's, of the right authority, of somebody whom its register does not know.
fn nobody(stage: &Stage) {
    let _turn = taking_turns();
    let layout = stage.layout();
    let pki = Pki::open(&layout.dir().join("pki")).unwrap();
    let validity = Validity::hop(layout.clock().now_ms());
    pki.issue_staff(OWN.parse().unwrap(), "u-nobody", validity).unwrap();
    let stranger = caller(stage, &format!("staff-{OWN}-u-nobody"));
    let before = events(stage, OWN);
    for line in ENDPOINTS {
        let told = outcome(&ask(stage, &stranger, line.kind, OWN));
        assert_eq!(told, Outcome::Refused(ResultName::NotPermitted), "{line:?}");
    }
    let left = usize::try_from(events(stage, OWN) - before).unwrap();
    assert!(left >= ENDPOINTS.len(), "one event for each: {left}");
}

/// R2, R3: an operator whom nobody knows, about the platform, about a body that is nowhere, and a restart, which is every
/// body's whichever is named.
fn upkeep_of_none(stage: &Stage) {
    let _turn = taking_turns();
    let layout = stage.layout();
    let pki = Pki::open(&layout.dir().join("pki")).unwrap();
    let validity = Validity::hop(layout.clock().now_ms());
    pki.issue(&Identity::Operator("o-nobody".to_owned()), validity).unwrap();
    let stranger = caller(stage, "operator-o-nobody");
    let asked = || {
        let mut asked = 0;
        for line in ENDPOINTS {
            let due = match line.entrance {
                Entrance::Staff => ResultName::RoleHasNoDataAccess,
                Entrance::Upkeep | Entrance::Broker => ResultName::NotPermitted,
            };
            for body in [None, Some(if line.whole_node { THIRD } else { NOBODYS })] {
                let body = body.map(|body| body.parse().unwrap());
                let header = Header { body, ..stranger.header(line.kind, NOBODYS) };
                if header.to_bytes().is_err() {
                    continue; // It must name one.
                }
                let told = outcome(&stage.runtime.block_on(stranger.ask(&header, &[])));
                assert_eq!(told, Outcome::Refused(due), "{line:?} {body:?}");
                asked += 1;
            }
        }
        asked
    };
    let bodies = [OWN, OTHER];
    let counted = || bodies.map(|body| events(stage, body));
    // What the counting itself leaves, and whatever else the log tells of meanwhile.
    let (first, second) = (counted(), counted());
    let asked: u64 = asked();
    let third = counted();
    for (at, body) in bodies.iter().enumerate() {
        let own = second[at] - first[at];
        let left = third[at] - second[at] - own;
        assert_eq!(left, asked, "one event for each in the log of {body}");
    }
}

/// The same person, on the same connection: a report about their device turns every answer, and another turns it back.
fn unhealthy(stage: &Stage) {
    let _turn = taking_turns();
    let clerk = caller(stage, &format!("staff-{OWN}-u-tax-07"));
    let system = stage.layout().dir().join(format!("system-{OWN}.toml")).display().to_string();
    let report = |condition: &str| {
        let args = ["--config", &system, "--json", "signal", "device", "t-01", condition];
        crate::program::run("chukei", &args).done();
    };
    let answered = |kind| outcome(&ask(stage, &clerk, kind, OWN));
    assert_eq!(answered(Kind::KeysStatus), Outcome::Answered);
    report("unhealthy");
    for line in ENDPOINTS.iter().filter(|line| line.entrance == Entrance::Staff) {
        assert_eq!(answered(line.kind), Outcome::Refused(ResultName::Denied), "{line:?}");
    }
    report("healthy");
    assert_eq!(answered(Kind::KeysStatus), Outcome::Answered);
}

/// Alternating, so that whatever else the machine does meets both.
fn same_time(stage: &Stage) {
    let _turn = taking_turns();
    let clerk = caller(stage, &format!("staff-{OWN}-u-tax-07"));
    let (mut foreign, mut absent) = (Vec::new(), Vec::new());
    for line in ENDPOINTS.iter().filter(|line| line.entrance == Entrance::Staff) {
        for pair in 0..PAIRS {
            let timed = |body: &str, times: &mut Vec<f64>| {
                let began = Instant::now();
                let reply = ask(stage, &clerk, line.kind, body);
                times.push(began.elapsed().as_secs_f64());
                reply
            };
            let replies = if pair % 2 == 0 {
                let first = timed(OTHER, &mut foreign);
                (first, timed(NOBODYS, &mut absent))
            } else {
                let first = timed(NOBODYS, &mut absent);
                (timed(OTHER, &mut foreign), first)
            };
            assert_eq!(replies.0, replies.1, "{line:?}: byte for byte the same");
            assert_eq!(outcome(&replies.0), Outcome::Refused(ResultName::NotFound), "{line:?}");
        }
    }
    // Of each pair, which one was faster: a fair coin, if nothing tells them apart. Six standard deviations.
    let faster = foreign.iter().zip(&absent).filter(|(foreign, absent)| foreign < absent).count() as f64;
    let pairs = foreign.len() as f64;
    let away = (faster - pairs / 2.0).abs() / (pairs.sqrt() / 2.0);
    let (foreign, absent) = (median(foreign), median(absent));
    eprintln!(
        "across bodies {:.3} ms, nobody's {:.3} ms, {pairs} pairs, {away:.1} sigma",
        foreign * 1e3,
        absent * 1e3
    );
    assert!(away < 6.0, "{away:.1} standard deviations: {faster} of {pairs} pairs");
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}
