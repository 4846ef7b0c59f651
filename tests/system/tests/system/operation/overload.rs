//! R40: overload is an answer, never a wrong answer or a crash; one body's flood leaves the others room.

use chukei_harness::layout::Layout;
use chukei_harness::role::Role;
use chukei_mock_portal::client::Client;
use chukei_relay_client::endpoint::client_endpoint;
use chukei_relay_client::session::{OpenRequest, open_request};
use chukei_relay_client::stream::ResetCode;
use chukei_wire::frame::Outcome;
use chukei_wire::header::{Header, Hop, Kind};
use chukei_wire::identity::Identity;
use chukei_wire::result::ResultName;
use libtest_mimic::{Failed, Trial};
use tokio::task::JoinSet;

use crate::copy_file::{Row, TAX, file};
use crate::group::{Shared, Test, group};
use crate::hop::{LOOPBACK, address, credentials, header};
use crate::page::metric;
use crate::person::Person;
use crate::stage::{Stage, until};

const TESTS: &[Test<Narrow>] = &[
    ("r40_one_bodys_stalled_requests_are_its_own_overload_and_pass", stalled_requests),
    ("r40_a_flood_is_answered_rightly_or_told_to_come_back", flood),
];

pub(super) fn trials() -> Vec<Trial> {
    group("overload", TESTS)
}

const BODY: &str = "982016";
const OTHER: &str = "982024";
/// Requests of one body at once, at the broker; the node takes one.
const AT_BROKER: usize = 3;

/// A stage with little room.
struct Narrow {
    stage: Stage,
    turns: std::sync::Mutex<()>,
}

impl Shared for Narrow {
    fn set() -> Result<Self, Failed> {
        Ok(Self { stage: Stage::start("overload", narrow)?, turns: std::sync::Mutex::new(()) })
    }

    fn keep(&self) {
        self.stage.keep();
    }
}

fn narrow(layout: &Layout) {
    for (role, limits) in [
        (Role::Node, "in_flight_per_body = 1".to_owned()),
        (Role::Broker, format!("in_flight_per_body = {AT_BROKER}")),
        // A person is told soon.
        (Role::Portal, "deadline_ms = 2000".to_owned()),
    ] {
        let path = layout.config(role);
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, format!("{text}\n[limits]\n{limits}\n")).unwrap();
    }
}

fn with_copy(stage: &Stage, body: &str, id: &str) -> Person {
    let person = stage.persons(body, 1).remove(0);
    let path = stage.written("copies.csv", file(&[Row::new(body, &person, id, id)]));
    assert_eq!(stage.staff(body, &["copy", "import", &path]).done()["registered"], 1);
    person
}

fn stalled_requests(narrow: &Narrow) {
    let _turn = narrow.turns.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let stage = &narrow.stage;
    let (person, other) = (with_copy(stage, BODY, "stalled-1"), with_copy(stage, OTHER, "stalled-1"));
    let layout = stage.layout();
    let shed = metric(layout, Role::Broker, "chukei_shed_total");
    // A second connection of the portal, whose requests never get to their end.
    let endpoint = stage.runtime.block_on(async { client_endpoint(LOOPBACK).unwrap() });
    let peer = stage.runtime.block_on(async {
        let credentials = credentials(layout, "portal-mynaportal");
        let relay = address(layout, Role::Broker, "relay");
        endpoint
            .connect(&credentials, &layout.clock(), relay, &Identity::Broker("broker-a".into()))
            .await
            .unwrap()
    });
    // Set-ups of channels whose first flight never comes.
    let open = || {
        let now_ms = layout.clock().now_ms();
        let setup = Header { channel: None, ..header(Kind::ChannelSetup, BODY, now_ms) };
        stage.runtime.block_on(async {
            let mut request = open_request(&peer, &setup, &Hop::default()).await.unwrap();
            request.send.flush().await.unwrap();
            request
        })
    };
    let mut stalled: Vec<OpenRequest> = (0..AT_BROKER).map(|_| open()).collect();
    let told = until("the overload", || {
        let mut one_more = open();
        let wait = std::time::Duration::from_secs(1);
        let told = stage.runtime.block_on(async { tokio::time::timeout(wait, one_more.read_status()).await });
        match told {
            Ok(outcome) => Some(outcome.unwrap()),
            // It took the room of one that was not there yet.
            Err(_) => {
                stalled.push(one_more);
                None
            }
        }
    });
    assert!(matches!(told, Outcome::RetryAfter(ResultName::Overloaded, 1..)), "{told:?}");
    let args = ["self-info", "--person", &person.user, "--body", BODY, "--dataset", TAX];
    assert_eq!(stage.portal(&args).code_at(4), "OVERLOADED");
    let answer = stage.self_info(&other.user, OTHER, &[TAX]);
    assert_eq!(answer["result"], "DONE", "another body has its room");
    assert!(metric(layout, Role::Broker, "chukei_shed_total") > shed);
    for mut request in stalled {
        request.send.reset(ResetCode::Abandoned);
    }
    let answer = until("its own room again", || {
        let ended = stage.portal(&args);
        (ended.code == Some(0)).then(|| ended.done())
    });
    assert_eq!(answer["datasets"][0]["items"][0]["value"], "stalled-1");
}

fn flood(narrow: &Narrow) {
    const REQUESTS: usize = 600;
    const AT_ONCE: usize = 48;
    let _turn = narrow.turns.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let stage = &narrow.stage;
    let person = with_copy(stage, BODY, "flood-1");
    let layout = stage.layout();
    let shed = || {
        metric(layout, Role::Node, "chukei_shed_total") + metric(layout, Role::Broker, "chukei_shed_total")
    };
    let before = shed();
    let (done, overloaded) = stage.runtime.block_on(async {
        let client = Client::connect(&layout.portal_socket()).await.unwrap();
        let (mut tasks, mut done, mut overloaded) = (JoinSet::new(), 0, 0);
        for number in 0..REQUESTS {
            if number >= AT_ONCE {
                count(tasks.join_next().await.unwrap().unwrap(), &mut done, &mut overloaded);
            }
            let (client, user) = (client.clone(), person.user.clone());
            tasks.spawn(async move { client.self_info(&user, BODY, &[TAX]).await });
        }
        while let Some(ended) = tasks.join_next().await {
            count(ended.unwrap(), &mut done, &mut overloaded);
        }
        (done, overloaded)
    });
    assert_eq!(done + overloaded, REQUESTS);
    assert!(done > 0, "some are served");
    assert!(shed() > before, "some found no room");
    let answer = until("room again", || {
        let args = ["self-info", "--person", &person.user, "--body", BODY, "--dataset", TAX];
        let ended = stage.portal(&args);
        (ended.code == Some(0)).then(|| ended.done())
    });
    assert_eq!(answer["datasets"][0]["items"][0]["value"], "flood-1");
}

type Ended = Result<chukei_mock_portal::protocol::SelfInfo, chukei_mock_portal::failure::Failure>;

/// An answer is the right one, or says that there is too much to do.
fn count(ended: Ended, done: &mut usize, overloaded: &mut usize) {
    match ended {
        Ok(answer) => {
            assert_eq!(answer.result, "DONE");
            assert_eq!(answer.datasets[0].items[0].value, "flood-1");
            *done += 1;
        }
        Err(failure) => {
            assert_eq!(failure.code, "OVERLOADED", "{failure}");
            *overloaded += 1;
        }
    }
}
