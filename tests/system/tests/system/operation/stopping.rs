//! A stopping node takes nothing new on and finishes what is in work.

use std::sync::atomic::{AtomicBool, Ordering};

use chukei_harness::role::Role;
use chukei_relay_client::session::open_request;
use chukei_wire::codec::encode;
use chukei_wire::frame::{FrameType, Outcome};
use chukei_wire::header::{Hop, Kind};
use chukei_wire::message::staff::{BatchReply, ImportBatch, ImportRow, RowOutcome};
use chukei_wire::result::ResultName;
use libtest_mimic::Trial;

use crate::copy_file::{Row, TAX};
use crate::group::{Test, group};
use crate::hop::{credentials, dial_staff};
use crate::person::Person;
use crate::stage::{Stage, until};

const TESTS: &[Test<Stage>] =
    &[("a_conversation_begun_before_sigterm_is_finished_and_no_other_begun", drain)];

pub(super) fn trials() -> Vec<Trial> {
    group("stopping", TESTS)
}

const BODY: &str = "982016";

fn batch(person: &Person, id: &str) -> Vec<u8> {
    let fields =
        Row { record_key: "1", ..Row::new(BODY, person, id, "値") }.columns().map(str::to_owned).to_vec();
    encode(&ImportBatch { rows: vec![ImportRow { fields, repeated: false }] }).unwrap()
}

fn drain(stage: &Stage) {
    let person = &stage.persons(BODY, 1)[0];
    let credentials = credentials(stage.layout(), &format!("staff-{BODY}-u-tax-07"));
    let caller = stage.runtime.block_on(dial_staff(stage.layout(), &credentials)).unwrap();
    let header = caller.header(Kind::CopyImport, BODY);
    let registered = BatchReply { rows: vec![RowOutcome::Registered] };
    let mut import = stage.runtime.block_on(async {
        let mut import = open_request(&caller.peer, &header, &Hop::default()).await.unwrap();
        import.send.write_frame(FrameType::Message, &batch(person, "drain-1")).await.unwrap();
        assert_eq!(import.read_status().await.unwrap(), Outcome::Answered);
        assert_eq!(import.recv.read_message::<BatchReply>().await.unwrap(), registered);
        import
    });
    let stopped = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let stopping = scope.spawn(|| {
            stage.stack.stop_role(Role::Node).unwrap();
            stopped.store(true, Ordering::SeqCst);
        });
        until("a node that takes nothing new on", || {
            let header = caller.header(Kind::CatalogueList, BODY);
            let outcome = stage.runtime.block_on(async {
                let mut other = open_request(&caller.peer, &header, &Hop::default()).await.unwrap();
                other.send.finish().await.unwrap();
                other.read_status().await.unwrap()
            });
            matches!(outcome, Outcome::RetryAfter(ResultName::NotReady, 1..)).then_some(())
        });
        assert!(!stopped.load(Ordering::SeqCst), "it waits for the conversation");
        stage.runtime.block_on(async {
            import.send.write_frame(FrameType::Message, &batch(person, "drain-2")).await.unwrap();
            assert_eq!(import.recv.read_message::<BatchReply>().await.unwrap(), registered);
            import.send.finish().await.unwrap();
            import.recv.expect_end().await.unwrap();
        });
        stopping.join().unwrap();
    });
    stage.stack.start_role(Role::Node).unwrap();
    stage.stack.wait_ready(std::time::Duration::from_secs(60)).unwrap();
    let shown = stage.staff(BODY, &["copy", "show", "--person", &person.addressee, "--dataset", TAX]).done();
    let ids: Vec<&str> = shown["records"]
        .as_array()
        .unwrap()
        .iter()
        .map(|record| record["record_id"].as_str().unwrap())
        .collect();
    assert_eq!(ids, ["drain-1", "drain-2"], "what was acknowledged is there");
}
