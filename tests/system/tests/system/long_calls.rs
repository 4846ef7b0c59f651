//! Calls of several messages: each message is an operation, and feels what has changed since the one before (R6). What was
//! acknowledged stays, and the log tells of the refusal.

use std::sync::{Mutex, MutexGuard, PoisonError};

use chukei_harness::layout::{AFFAIRS, CARE_CLERK, DEVICE, STAFF};
use chukei_harness::role::Role;
use chukei_relay_client::session::{OpenRequest, open_request};
use chukei_relay_client::stream::StreamError;
use chukei_wire::codec::encode;
use chukei_wire::frame::{FrameType, Outcome};
use chukei_wire::header::{Header, Hop, Kind};
use chukei_wire::message::staff::{
    BatchReply, ImportBatch, ImportRow, PersonListPage, PersonListRequest, RowOutcome,
};
use chukei_wire::result::ResultName;
use data_encoding::HEXLOWER;
use libtest_mimic::{Failed, Trial};

use crate::copy_file::{Row, TAX};
use crate::group::{Shared, Test, group};
use crate::hop::{Caller, credentials, dial_staff};
use crate::page::metric;
use crate::person::Person;
use crate::stage::{Stage, until};

const TESTS: &[Test<Long>] = &[
    ("r6_whoever_is_taken_off_the_register_gets_no_further_page_of_a_list", taken_off),
    ("r6_a_report_about_the_device_ends_an_import_whose_first_batch_stays", reported),
    ("r6_what_changes_before_the_first_message_is_felt_by_it_and_told_by_name", before_the_first),
];

pub(crate) fn trials() -> Vec<Trial> {
    group("long_calls", TESTS)
}

const BODY: &str = "982016";
/// Decisions on calls that begin.
const DECISIONS: &str = "chukei_decision_seconds_count";

/// A stage on which what two persons decide, such as to export a log, is done at once.
struct Long(Stage);

impl Shared for Long {
    fn set() -> Result<Self, Failed> {
        let stage = Stage::start("long-calls", |layout| {
            let node = layout.config(Role::Node);
            let text = std::fs::read_to_string(&node).unwrap();
            std::fs::write(&node, format!("{text}\n[two_person]\nwait_hours = 0\n")).unwrap();
        })?;
        Ok(Self(stage))
    }

    fn keep(&self) {
        self.0.keep();
    }
}

/// The tests change one register.
fn turn() -> MutexGuard<'static, ()> {
    static TURNS: Mutex<()> = Mutex::new(());
    TURNS.lock().unwrap_or_else(PoisonError::into_inner)
}

fn dialled(stage: &Stage, name: &str) -> Caller {
    let own = credentials(stage.layout(), &format!("staff-{BODY}-{name}"));
    stage.runtime.block_on(dial_staff(stage.layout(), &own)).unwrap()
}

fn begun(stage: &Stage, caller: &Caller, header: &Header) -> OpenRequest {
    stage.runtime.block_on(async {
        let mut call = open_request(&caller.peer, header, &Hop::default()).await.unwrap();
        call.send.flush().await.unwrap();
        call
    })
}

fn say(stage: &Stage, call: &mut OpenRequest, message: &[u8]) {
    stage.runtime.block_on(call.send.write_frame(FrameType::Message, message)).unwrap();
}

fn status(stage: &Stage, call: &mut OpenRequest) -> Outcome {
    stage.runtime.block_on(call.read_status()).unwrap()
}

/// By the body's system, which has no device.
fn report(stage: &Stage, condition: &str) {
    let system = stage.layout().dir().join(format!("system-{BODY}.toml")).display().to_string();
    let args = ["--config", &system, "--json", "signal", "device", DEVICE, condition];
    crate::program::run("chukei", &args).done();
}

/// What the log tells of the decisions on this call: let in, and refused later, each once.
fn told(stage: &Stage, header: &Header, refusal: &str) {
    let (log, request) = (stage.exported_log(BODY), HEXLOWER.encode(&header.request_id.0));
    let of = log.iter().filter(|line| line["request"] == *request);
    let mut told: Vec<_> =
        of.map(|line| (line["event"].as_str().unwrap(), line["result"].as_str().unwrap())).collect();
    // What the call did before names it, too.
    told.retain(|(event, _)| event.starts_with("call"));
    assert_eq!(told, [("called", "PENDING"), ("call-refused", refusal), ("call-ended", refusal)]);
    let refused = log.iter().find(|line| line["request"] == *request && line["event"] == "call-refused");
    assert!(!refused.unwrap()["reasons"].as_array().unwrap().is_empty(), "{refused:?}");
}

fn taken_off(Long(stage): &Long) {
    let _turn = turn();
    let clerk = dialled(stage, CARE_CLERK);
    let header = Header { affair: Some(AFFAIRS[1].to_owned()), ..clerk.header(Kind::PersonList, BODY) };
    let mut list = begun(stage, &clerk, &header);
    let page = encode(&PersonListRequest { after: None }).unwrap();
    say(stage, &mut list, &page);
    assert_eq!(status(stage, &mut list), Outcome::Answered);
    stage.runtime.block_on(list.recv.read_message::<PersonListPage>()).unwrap();
    say(stage, &mut list, &page);
    stage.runtime.block_on(list.recv.read_message::<PersonListPage>()).unwrap();

    stage.staff(BODY, &["staff", "remove", CARE_CLERK]).done();
    say(stage, &mut list, &page);
    let next = stage.runtime.block_on(list.recv.read_message::<PersonListPage>());
    assert!(matches!(next, Err(StreamError::Reset(_))), "{next:?}");
    told(stage, &header, "NOT_PERMITTED");
}

fn batch(person: &Person, id: &str) -> Vec<u8> {
    let fields = Row::new(BODY, person, id, "値").columns().map(str::to_owned).to_vec();
    encode(&ImportBatch { rows: vec![ImportRow { fields, repeated: false }] }).unwrap()
}

fn reported(Long(stage): &Long) {
    let _turn = turn();
    let person = &stage.persons(BODY, 1)[0];
    let clerk = dialled(stage, STAFF);
    let header = clerk.header(Kind::CopyImport, BODY);
    let mut import = begun(stage, &clerk, &header);
    say(stage, &mut import, &batch(person, "long-1"));
    assert_eq!(status(stage, &mut import), Outcome::Answered);
    let registered = BatchReply { rows: vec![RowOutcome::Registered] };
    let first = stage.runtime.block_on(import.recv.read_message::<BatchReply>()).unwrap();
    assert_eq!(first, registered);

    report(stage, "unhealthy");
    say(stage, &mut import, &batch(person, "long-2"));
    let next = stage.runtime.block_on(import.recv.read_message::<BatchReply>());
    assert!(matches!(next, Err(StreamError::Reset(_))), "{next:?}");
    report(stage, "healthy");
    told(stage, &header, "DENIED");
    let args = ["copy", "show", "--person", &person.addressee, "--dataset", TAX];
    let shown = stage.staff(BODY, &args).done();
    let ids: Vec<_> =
        shown["records"].as_array().unwrap().iter().map(|record| record["record_id"].clone()).collect();
    assert_eq!(ids, ["long-1"], "what was acknowledged, and nothing else");
}

fn before_the_first(Long(stage): &Long) {
    let _turn = turn();
    let clerk = dialled(stage, STAFF);
    let header = clerk.header(Kind::PersonList, BODY);
    let decisions = || metric(stage.layout(), Role::Node, DECISIONS);
    let before = decisions();
    let mut list = begun(stage, &clerk, &header);
    until("the decision on a call that says nothing yet", || (decisions() > before).then_some(()));
    report(stage, "unhealthy");
    say(stage, &mut list, &encode(&PersonListRequest { after: None }).unwrap());
    assert_eq!(status(stage, &mut list), Outcome::Refused(ResultName::Denied));
    report(stage, "healthy");
    told(stage, &header, "DENIED");
}
