//! R1: one body's data, log and existence are invisible to every other body, by every operation there is; and
//! every operation leaves an event with the body whose it is.

use chukei_node::access::endpoint::{ENDPOINTS, Entrance};
use chukei_wire::codec::encode;
use chukei_wire::frame::{FRAME_HEAD, Outcome, Status};
use chukei_wire::header::Kind;
use chukei_wire::id::{ActId, NoticeId};
use chukei_wire::message::access::{ExplainRequest, SignalRequest};
use chukei_wire::message::act::{ActListRequest, ActNamed, ActRequest, ActWanted};
use chukei_wire::message::audit::{AuditFollowRequest, AuditSearchRequest, AuditStampsRequest};
use chukei_wire::message::backup::BackupRequest;
use chukei_wire::message::keys::KeysRotateRequest;
use chukei_wire::message::register::{EntryName, RegisterChangeRequest, RegisterShowRequest};
use chukei_wire::message::review::{ReviewListRequest, ReviewSignRequest, ReviewWanted};
use chukei_wire::message::staff::{
    CopyShowRequest, EnrollBatch, EnrollRow, ExchangeListRequest, ImportBatch, ImportRow, NoticeDraft,
    NoticeListRequest, NoticeShowRequest, NoticeTargets, PersonBlockRequest, PersonListRequest,
    PersonUndiscloseRequest, ProvisionStatusRequest,
};
use chukei_wire::result::ResultName;
use libtest_mimic::Trial;

use crate::copy_file::{Row, TAX, file};
use crate::group::{Test, group};
use crate::hop::{Caller, Reply, credentials, dial_staff};
use crate::notice_file::{TAX_AFFAIR, notice};
use crate::person::Person;
use crate::stage::{Stage, until};

const TESTS: &[Test<Stage>] = &[
    ("r1_another_body_answers_as_one_that_does_not_exist_and_leaves_an_event", every_endpoint_wrong_body),
    ("r1_what_another_body_has_answers_as_what_nobody_has", every_endpoint_foreign_thing),
    ("r3_every_operation_on_the_own_body_leaves_events", every_endpoint_leaves_events),
    ("r20_only_staff_and_systems_enter_where_staff_enter", only_staff_enter),
];

pub(crate) fn trials() -> Vec<Trial> {
    group("isolation", TESTS)
}

const OWN: &str = "982016";
const OTHER: &str = "982024";
/// Valid, and hosted nowhere.
const NOBODYS: &str = "980005";

/// The tests count events: they take turns.
static COUNTING: std::sync::Mutex<()> = std::sync::Mutex::new(());

fn taking_turns() -> std::sync::MutexGuard<'static, ()> {
    COUNTING.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// What the calls are about: things of one body.
struct Things {
    addressee: String,
    number: String,
    notice: NoticeId,
    key: &'static str,
}

fn things(stage: &Stage, body: &'static str, person: &Person, key: &'static str) -> Things {
    let path = stage.written("copies.csv", file(&[Row::new(body, person, key, "値")]));
    assert_eq!(stage.staff(body, &["copy", "import", &path]).done()["registered"], 1);
    let id = stage.send(body, &notice(key, &[person]));
    stage.until_listed(&person.user, &id);
    Things {
        addressee: person.addressee.clone(),
        number: person.number.clone(),
        notice: id.parse().unwrap(),
        key,
    }
}

/// The messages of a call of this kind by `body` about `things`.
fn messages(kind: Kind, body: &str, things: &Things) -> Vec<Vec<u8>> {
    let addressee = || things.addressee.clone();
    match kind {
        Kind::PersonEnroll => {
            let row = EnrollRow {
                integrated_addressee_number: addressee(),
                acquisition_number: things.number.clone(),
            };
            vec![encode(&EnrollBatch { rows: vec![row] }).unwrap()]
        }
        Kind::PersonList => vec![encode(&PersonListRequest { after: None }).unwrap()],
        Kind::PersonBlock => {
            let datasets = vec!["TM00000000000080".to_owned()];
            vec![encode(&PersonBlockRequest { integrated_addressee_number: addressee(), datasets }).unwrap()]
        }
        Kind::PersonUndisclose => {
            let datasets = vec!["TM00000000000080".to_owned()];
            let request = PersonUndiscloseRequest { integrated_addressee_number: addressee(), datasets };
            vec![encode(&request).unwrap()]
        }
        Kind::ExchangeList => {
            let request = ExchangeListRequest {
                integrated_addressee_number: Some(addressee()),
                from_ms: 0,
                until_ms: 1 << 53,
                limit: 10,
                after: None,
            };
            vec![encode(&request).unwrap()]
        }
        Kind::CopyImport => {
            let person = Person { addressee: addressee(), user: String::new(), number: String::new() };
            let row = Row { record_key: "9", ..Row::new(body, &person, "isolation-import", "値") };
            let fields = row.columns().map(str::to_owned).to_vec();
            vec![encode(&ImportBatch { rows: vec![ImportRow { fields, repeated: false }] }).unwrap()]
        }
        Kind::CopyShow => {
            let info_name_code = TAX.to_owned();
            vec![
                encode(&CopyShowRequest { integrated_addressee_number: addressee(), info_name_code })
                    .unwrap(),
            ]
        }
        Kind::NoticeSend => {
            let draft = NoticeDraft {
                idempotency_key: format!("isolation-{}", things.key),
                affair: TAX_AFFAIR.to_owned(),
                title: "題".to_owned(),
                body: "文".to_owned(),
                choices: Vec::new(),
                attachments: Vec::new(),
                publish_at_ms: None,
                retention_days: 1,
                targets: 1,
            };
            vec![encode(&draft).unwrap(), encode(&NoticeTargets { targets: vec![addressee()] }).unwrap()]
        }
        Kind::NoticeShow => vec![encode(&NoticeShowRequest { notice: things.notice, after: None }).unwrap()],
        Kind::NoticeList => vec![encode(&NoticeListRequest { after: None }).unwrap()],
        Kind::BackupCreate => vec![encode(&BackupRequest { base: None }).unwrap()],
        Kind::ProvisionStatus => {
            let request = ProvisionStatusRequest {
                integrated_addressee_number: Some(addressee()),
                from_ms: None,
                limit: 10,
            };
            vec![encode(&request).unwrap()]
        }
        Kind::AuditFollow => {
            vec![encode(&AuditFollowRequest { from: 1, size: 0 }).unwrap()]
        }
        Kind::AuditStamps => vec![encode(&AuditStampsRequest::default()).unwrap()],
        Kind::AuditSearch => {
            let request =
                AuditSearchRequest { person: Some(addressee()), limit: 10, ..AuditSearchRequest::default() };
            vec![encode(&request).unwrap()]
        }
        Kind::ReviewList => {
            vec![encode(&ReviewListRequest { wanted: ReviewWanted::Open, after: None }).unwrap()]
        }
        Kind::ReviewSign => {
            vec![encode(&ReviewSignRequest { number: 1 << 40, count: 1, note: "確認".to_owned() }).unwrap()]
        }
        Kind::AccessExplain => {
            let request = ExplainRequest { action: "copy_show".to_owned(), ..ExplainRequest::default() };
            vec![encode(&request).unwrap()]
        }
        Kind::Signal => {
            vec![encode(&SignalRequest { device: "t-01".to_owned(), healthy: true }).unwrap()]
        }
        Kind::ActRequest => {
            let wanted = ActWanted::ErasePerson { integrated_addressee_number: addressee() };
            vec![encode(&ActRequest { wanted, reference: format!("isolation-{}", things.key) }).unwrap()]
        }
        Kind::ActApprove | Kind::ActCancel | Kind::ActResult => {
            vec![encode(&ActNamed { act: ActId([9; 16]), proven: false }).unwrap()]
        }
        Kind::ActList => vec![encode(&ActListRequest { act: None, open: true, after: None }).unwrap()],
        Kind::RegisterShow => vec![encode(&RegisterShowRequest::default()).unwrap()],
        Kind::RegisterChange => {
            // For a version that never was: what it would change is not looked at.
            let entry = EntryName { class: "staff".to_owned(), name: "u-none-01".to_owned() };
            let request =
                RegisterChangeRequest { expected_version: 1 << 40, put: Vec::new(), remove: vec![entry] };
            vec![encode(&request).unwrap()]
        }
        Kind::KeysRotate => {
            let request = KeysRotateRequest { root: true, epoch: true, standing: true, rewrite: true };
            vec![encode(&request).unwrap()]
        }
        _ => Vec::new(),
    }
}

fn caller(stage: &Stage, body: &str) -> Caller {
    let credentials = credentials(stage.layout(), &format!("staff-{body}-u-tax-07"));
    stage.runtime.block_on(dial_staff(stage.layout(), &credentials)).unwrap()
}

/// The outer outcome of a reply that is a status and nothing else.
#[track_caller]
fn only_status(reply: &Reply) -> Outcome {
    assert_eq!(reply.error, None);
    Status::from_bytes(&reply.bytes[FRAME_HEAD..]).unwrap().outcome
}

/// Events of a body's log. Reading it adds to it: by how many is returned by two readings in a row.
fn events(stage: &Stage, body: &str) -> u64 {
    let report = stage.staff(body, &["audit", "verify"]).done();
    assert_eq!(report["verified"], true, "{report}");
    report["events"].as_u64().unwrap()
}

fn every_endpoint_wrong_body(stage: &Stage) {
    let _turn = taking_turns();
    let person = &stage.persons(OTHER, 1)[0];
    let things = things(stage, OTHER, person, "wrong-body");
    let caller = caller(stage, OWN);
    // Refusals elsewhere open a review item, with an event of its own (R7): it is there before anything is counted.
    until("the review item", || {
        stage.runtime.block_on(caller.ask(&caller.header(Kind::CatalogueList, OTHER), &[]));
        let listed = stage.staff(OWN, &["review", "list"]).done();
        listed["items"]
            .as_array()
            .unwrap()
            .iter()
            .any(|item| item["rule"] == "refused_elsewhere")
            .then_some(())
    });
    let first = [events(stage, OWN), events(stage, OTHER)];
    let second = [events(stage, OWN), events(stage, OTHER)];
    let reading = [second[0] - first[0], second[1] - first[1]];
    for (kind, messages) in ENDPOINTS.iter().map(|line| (line.kind, messages(line.kind, OTHER, &things))) {
        let before = [events(stage, OWN), events(stage, OTHER)];
        let foreign = stage.runtime.block_on(caller.ask(&caller.header(kind, OTHER), &messages));
        let absent = stage.runtime.block_on(caller.ask(&caller.header(kind, NOBODYS), &messages));
        assert_eq!(only_status(&foreign), Outcome::Refused(ResultName::NotFound), "{kind:?}");
        assert_eq!(foreign, absent, "{kind:?}: byte for byte the same");
        let after = [events(stage, OWN), events(stage, OTHER)];
        assert_eq!(
            after[0] - before[0] - reading[0],
            2,
            "{kind:?}: one event for each, with the caller's body"
        );
        assert_eq!(after[1] - before[1] - reading[1], 0, "{kind:?}: the other body's log does not move");
    }
}

/// With their own body in the header, staff name persons and notices of another body.
fn every_endpoint_foreign_thing(stage: &Stage) {
    let _turn = taking_turns();
    let person = &stage.persons(OTHER, 1)[0];
    let foreign = things(stage, OTHER, person, "foreign-thing");
    let absent = Things {
        addressee: "000009820169999".to_owned(),
        number: foreign.number.clone(),
        notice: NoticeId([9; 16]),
        key: "absent-thing",
    };
    let caller = caller(stage, OWN);
    let ask = |kind: Kind, things: &Things| {
        let header = caller.header(kind, OWN);
        stage.runtime.block_on(caller.ask(&header, &messages(kind, OWN, things)))
    };
    for kind in ENDPOINTS.iter().filter(|line| line.entrance == Entrance::Staff).map(|line| line.kind) {
        // The log, the keys and the lists are about the whole body: they name nothing. Lists are read below.
        if matches!(kind, Kind::PersonList | Kind::NoticeList | Kind::AuditVerify | Kind::CatalogueList)
            || matches!(kind, Kind::AuditFollow | Kind::AuditStamps)
            || matches!(kind, Kind::KeysRotate | Kind::KeysStatus | Kind::BackupCreate | Kind::ReviewList)
            || matches!(kind, Kind::AccessExplain | Kind::Signal | Kind::ActList)
            || matches!(kind, Kind::RegisterShow | Kind::RegisterChange)
        {
            continue;
        }
        let reply = ask(kind, &foreign);
        assert_eq!(reply, ask(kind, &absent), "{kind:?}: byte for byte the same");
        match kind {
            Kind::PersonEnroll | Kind::CopyImport => {}
            // The caller is an administrator, who approves nothing at all.
            Kind::ActApprove => {
                assert_eq!(only_status(&reply), Outcome::Refused(ResultName::TwoPersonRequired));
            }
            _ => assert_eq!(only_status(&reply), Outcome::Refused(ResultName::NotFound), "{kind:?}"),
        }
    }
    for (kind, secret) in
        [(Kind::PersonList, foreign.addressee.as_bytes()), (Kind::NoticeList, &foreign.notice.0[..])]
    {
        let listed = ask(kind, &foreign);
        assert!(!listed.bytes.windows(secret.len()).any(|window| window == secret), "{kind:?}");
        let own = self::caller(stage, OTHER);
        let header = own.header(kind, OTHER);
        let listed = stage.runtime.block_on(own.ask(&header, &messages(kind, OTHER, &foreign)));
        assert!(
            listed.bytes.windows(secret.len()).any(|window| window == secret),
            "{kind:?}: its own body sees it"
        );
    }
}

fn every_endpoint_leaves_events(stage: &Stage) {
    let _turn = taking_turns();
    let person = &stage.persons(OWN, 1)[0];
    let things = things(stage, OWN, person, "own-body");
    let caller = caller(stage, OWN);
    let (first, second) = (events(stage, OWN), events(stage, OWN));
    let reading = second - first;
    for line in ENDPOINTS.iter().filter(|line| line.entrance == Entrance::Staff) {
        let before = events(stage, OWN);
        let header = caller.header(line.kind, OWN);
        let reply = stage.runtime.block_on(caller.ask(&header, &messages(line.kind, OWN, &things)));
        assert_eq!(reply.error, None, "{line:?}");
        let status = Status::from_bytes(first_frame(&reply.bytes)).unwrap();
        let (expected, least) = match line.kind {
            // There is no item, no act of that number: a refusal of the handler leaves its events like an answer.
            Kind::ReviewSign | Kind::ActCancel | Kind::ActResult => {
                (Outcome::Refused(ResultName::NotFound), 2)
            }
            // An administrator approves nothing: refused before anything is served.
            Kind::ActApprove => (Outcome::Refused(ResultName::TwoPersonRequired), 1),
            // A body's systems alone do.
            Kind::AuditFollow => (Outcome::Refused(ResultName::NotPermitted), 1),
            _ => (Outcome::Answered, 2),
        };
        assert_eq!(status.outcome, expected, "{line:?}");
        let left = events(stage, OWN) - before - reading;
        assert!(left >= least, "{line:?} left {left} events: one before it is served and one after");
    }
    let before = events(stage, OWN);
    stage.self_info(&person.user, OWN, &[TAX]);
    let both = || (events(stage, OWN) - before >= 2 + reading).then_some(());
    until("the events of a request and of its outcome", both);
    // The rewrite that was asked for leaves events of its own: they are there before another test counts.
    until("the end of the rewrite", || {
        let status = stage.staff(OWN, &["keys", "status"]).done();
        (status["rewrite"]["running"] == false).then_some(())
    });
}

fn first_frame(bytes: &[u8]) -> &[u8] {
    let length = u32::from_be_bytes(bytes[1..FRAME_HEAD].try_into().unwrap()) as usize;
    &bytes[FRAME_HEAD..FRAME_HEAD + length]
}

fn only_staff_enter(stage: &Stage) {
    for stem in ["broker-a", "portal-mynaportal", "node-a"] {
        let credentials = credentials(stage.layout(), stem);
        let caller = stage.runtime.block_on(dial_staff(stage.layout(), &credentials)).unwrap();
        let closed = stage.runtime.block_on(caller.peer.closed());
        let not_permitted = chukei_relay_client::connection::CloseCode::NotPermitted as u64;
        assert_eq!(
            closed,
            chukei_relay_client::connection::ConnectionError::ClosedByPeer(not_permitted),
            "{stem} has no business with staff calls"
        );
    }
}
