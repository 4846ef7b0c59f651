//! A body that does not open is restored over the network: its own register cannot be asked, so that the platform's ticket
//! counts, and what other bodies say of the device (R2, R6, R41).

use std::fs;
use std::path::PathBuf;

use chukei_harness::role::Role;
use libtest_mimic::{Failed, Trial};

use super::{
    BODY, NODE_TICKET, OTHER, RESTORING_TICKET, TICKET, device, maintenance, prepare, report_healthy,
};
use crate::copy_file::{Row, file};
use crate::group::{Shared, Test, group};
use crate::page::page;
use crate::program::Ended;
use crate::restoring::{answer, until_answered};
use crate::stage::{Stage, until};

const TESTS: &[Test<Unopened>] =
    &[("r41_a_body_whose_file_is_damaged_is_restored_over_the_network", damaged_and_restored)];

pub(super) fn trials() -> Vec<Trial> {
    group("maintenance_unopened", TESTS)
}

struct Unopened(Stage);

impl Shared for Unopened {
    fn set() -> Result<Self, Failed> {
        Ok(Self(Stage::start("unopened", prepare)?))
    }

    fn keep(&self) {
        self.0.keep();
    }
}

fn rows_files(stage: &Stage) -> [PathBuf; 2] {
    ["sqlite", "sqlite-wal"].map(|kind| stage.layout().dir().join(format!("node/bodies/{BODY}.{kind}")))
}

/// Until `/readyz` says of the body that it is not served, and why.
fn until_not_served(stage: &Stage, cause: &str) {
    until(&format!("a body that is not served: {cause}"), || {
        let (status, text) = page(stage.layout(), Role::Node, "/readyz")?;
        let told = text.contains(&format!("body {BODY} is not served")) && text.contains(cause);
        (status == 200 && told).then_some(())
    });
}

fn damaged_and_restored(Unopened(stage): &Unopened) {
    report_healthy(stage);
    let person = stage.persons(BODY, 1).remove(0);
    let rows = stage.written("copies.csv", file(&[Row::new(BODY, &person, "whole", "元の値")]));
    assert_eq!(stage.staff(BODY, &["copy", "import", &rows]).done()["registered"], 1);
    let before = answer(stage, &person);
    let taken = maintenance(stage, TICKET, &["upkeep", "backup"]).done();
    let backup = taken["backup"].as_str().unwrap();
    let denied = |ended: Ended, why: &str| assert_eq!(ended.refused(), "DENIED", "{why}");
    let other_reports = |condition| stage.staff(OTHER, &["signal", "device", &device(), condition]).done();
    other_reports("unhealthy");
    denied(maintenance(stage, TICKET, &["upkeep", "status"]), "a bad word counts, whoever says it");

    stage.stack.stop_role(Role::Node).unwrap();
    let [rows, _] = rows_files(stage);
    let length = fs::metadata(&rows).unwrap().len();
    fs::write(&rows, vec![0xff; usize::try_from(length).unwrap()]).unwrap();
    stage.stack.start_role(Role::Node).unwrap();
    until_not_served(stage, "(store");

    let restore = |ticket| maintenance(stage, ticket, &["upkeep", "restore", backup]);
    denied(restore(RESTORING_TICKET), "the device is unwell, as far as anybody can be asked");
    other_reports("healthy");
    denied(restore(TICKET), "a ticket of the body's, which cannot be asked");
    denied(restore(NODE_TICKET), "a ticket for the node");
    denied(maintenance(stage, RESTORING_TICKET, &["upkeep", "backup"]), "not what the ticket is for");
    let status = maintenance(stage, RESTORING_TICKET, &["upkeep", "status"]).done();
    assert!(!status["bodies"][0]["fault"].is_null(), "{status}");

    // Nothing is put over the damaged file; the host keeps it.
    assert_ne!(restore(RESTORING_TICKET).code, Some(0));
    for file in rows_files(stage) {
        if file.exists() {
            fs::rename(&file, file.with_extension("damaged")).unwrap();
        }
    }
    // The log misses the register, so that nobody founds an empty body in its place.
    until_not_served(stage, "(config_tampered)");
    let restored = restore(RESTORING_TICKET).done();
    assert_eq!((restored["restored"].clone(), restored["log"].as_str()), (true.into(), Some("kept")));
    until_answered(stage, &person, &before);
    let log = stage.staff(BODY, &["audit", "verify"]).done();
    assert_eq!(log["verified"], true, "{log}");
    denied(restore(RESTORING_TICKET), "the body speaks for itself again");
}
