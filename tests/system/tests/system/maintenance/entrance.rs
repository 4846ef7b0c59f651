//! Who is let in for maintenance, and what else they are refused.

use chukei_harness::layout::BODIES;
use chukei_ops::pki::{Pki, Validity};
use chukei_wire::identity::Identity;
use libtest_mimic::{Failed, Trial};

use super::{
    BODY, NODE_TICKET, OTHER, RESTORING_TICKET, TICKET, maintenance, of_the_node, operator, prepare,
    report_healthy, terminal,
};
use crate::copy_file::TAX;
use crate::group::{Shared, Test, group};
use crate::program;
use crate::stage::Stage;

const TESTS: &[Test<Maintained>] = &[
    ("d9_maintenance_works_under_its_ticket_within_its_window_from_its_device", tickets),
    ("r02_what_concerns_the_whole_node_is_no_body_s_to_give", whole_node),
    ("d9_a_device_that_is_not_the_ticket_s_or_not_listed_is_device_unknown", devices),
    ("r02_operators_maintenance_and_auditors_have_no_access_to_data", no_data_access),
    ("r04_staff_auditors_and_systems_do_no_upkeep", no_upkeep),
];

pub(super) fn trials() -> Vec<Trial> {
    group("maintenance", TESTS)
}

struct Maintained(Stage);

impl Shared for Maintained {
    fn set() -> Result<Self, Failed> {
        let stage = Stage::start("maintenance", prepare)?;
        report_healthy(&stage);
        Ok(Self(stage))
    }

    fn keep(&self) {
        self.0.keep();
    }
}

fn tickets(Maintained(stage): &Maintained) {
    let status = maintenance(stage, TICKET, &["upkeep", "status"]).done();
    let bodies = status["bodies"].as_array().unwrap();
    assert_eq!((bodies.len(), bodies[0]["body"].as_str()), (1, Some(BODY)), "its own body's alone: {status}");
    assert!(bodies[0]["fault"].is_null() && bodies[0]["last_number"].as_u64() > Some(0), "{status}");
    for (ticket, code) in [
        ("r8-past", "OUTSIDE_WINDOW"),
        ("r8-future", "OUTSIDE_WINDOW"),
        ("r8-others", "DENIED"),
        ("r8-nobodys", "DENIED"),
    ] {
        assert_eq!(maintenance(stage, ticket, &["upkeep", "status"]).refused(), code, "{ticket}");
    }
    let config = stage.layout().maintenance_config().display().to_string();
    let bare = |args: &[&str]| program::with_config("chukei", &config, args).refused();
    assert_eq!(bare(&["--body", BODY, "upkeep", "status"]), "DENIED", "no ticket");
    // A body's ticket is for that body, whether or not there is another one of that code.
    let elsewhere = |body: &str| {
        let args = ["--body", body, "--ticket", TICKET, "upkeep", "status"];
        program::with_config("chukei", &config, &args).refused()
    };
    assert_eq!(elsewhere(OTHER), elsewhere("980005"), "what is not theirs is like what is not there");
    // A ticket names what may be done.
    maintenance(stage, "r8-status", &["upkeep", "status"]).done();
    for args in [&["restart"][..], &["backup"], &["compact"], &["move", "--to", "sled"], &["leave"]] {
        let args = [&["upkeep"], args].concat();
        assert_eq!(maintenance(stage, "r8-status", &args).refused(), "DENIED", "{args:?}");
    }
}

fn whole_node(Maintained(stage): &Maintained) {
    assert_eq!(maintenance(stage, TICKET, &["upkeep", "restart"]).refused(), "DENIED", "one body's ticket");
    let status = of_the_node(stage, "status").done();
    assert_eq!(status["bodies"].as_array().unwrap().len(), BODIES.len(), "{status}");
    // A body that is open speaks for itself.
    for ticket in [NODE_TICKET, RESTORING_TICKET] {
        assert_eq!(maintenance(stage, ticket, &["upkeep", "status"]).refused(), "DENIED", "{ticket}");
    }
}

fn devices(Maintained(stage): &Maintained) {
    assert_eq!(maintenance(stage, "r8-device", &["upkeep", "status"]).refused(), "DEVICE_UNKNOWN");
    let refused = |config: &std::path::Path| {
        let args = ["--body", BODY, "--ticket", TICKET, "upkeep", "status"];
        program::with_config("chukei", &config.display().to_string(), &args).refused()
    };
    let without = terminal(stage, |text| {
        let (head, rest) = text.split_once("[device]").unwrap();
        let rest = rest.split_once("\n[").map_or(String::new(), |(_, rest)| format!("[{rest}"));
        format!("{head}{rest}")
    });
    assert_eq!(refused(&without), "DEVICE_UNKNOWN", "no device");
    let pki = Pki::open(&stage.layout().dir().join("pki")).unwrap();
    let validity = Validity::hop(stage.layout().clock().now_ms());
    pki.issue(&Identity::Device(None, "p-99".to_owned()), validity).unwrap();
    let unlisted = terminal(stage, |text| text.replace("device-platform-p-01", "device-platform-p-99"));
    assert_eq!(refused(&unlisted), "DEVICE_UNKNOWN", "a device that no inventory lists");
}

fn no_data_access(Maintained(stage): &Maintained) {
    let person = &stage.with_copies(BODY, 1)[0].addressee;
    let calls: [&[&str]; 4] = [
        &["person", "list"],
        &["copy", "show", "--person", person, "--dataset", TAX],
        &["notice", "list"],
        &["provision", "status", "--person", person],
    ];
    for call in calls {
        assert_eq!(maintenance(stage, TICKET, call).refused(), "ROLE_HAS_NO_DATA_ACCESS", "{call:?}");
        let as_operator = operator(stage, &[&["--body", BODY], call].concat());
        assert_eq!(as_operator.refused(), "ROLE_HAS_NO_DATA_ACCESS", "{call:?}");
        let config = stage.layout().auditor_config(BODY).display().to_string();
        let as_auditor = program::with_config("chukei", &config, call);
        assert_eq!(as_auditor.refused(), "ROLE_HAS_NO_DATA_ACCESS", "{call:?}");
    }
    // Nor to a body's log.
    assert_eq!(maintenance(stage, TICKET, &["audit", "verify"]).refused(), "ROLE_HAS_NO_DATA_ACCESS");
}

fn no_upkeep(Maintained(stage): &Maintained) {
    let layout = stage.layout();
    for config in [layout.staff_config(BODY), layout.auditor_config(BODY), layout.approver_config(BODY)] {
        for act in [&["status"][..], &["restart"], &["backup"], &["restore", "982016-1"]] {
            let args = [&["--ticket", TICKET, "upkeep"], act].concat();
            let ended = program::with_config("chukei", &config.display().to_string(), &args);
            assert_eq!(ended.refused(), "NOT_PERMITTED", "{} {act:?}", config.display());
        }
    }
}
