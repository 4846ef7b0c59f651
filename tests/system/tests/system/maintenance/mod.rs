//! D9's maintenance, over the network: with ticket, window and listed device, on ciphertext, and with no path to content
//! (R2, R4, R6).

mod canary;
mod entrance;
mod unopened;

use std::path::PathBuf;

use chukei_harness::layout::{Layout, MAINTENANCE, PLATFORM_DEVICE};
use chukei_harness::role::Role;
use libtest_mimic::Trial;

use crate::founding::{moment, refounded, with_platform};
use crate::program::{self, Ended};
use crate::stage::Stage;

pub(crate) fn trials() -> Vec<Trial> {
    [entrance::trials(), canary::trials(), unopened::trials()].into_iter().flatten().collect()
}

const BODY: &str = "982016";
const OTHER: &str = "982024";
/// The ticket that is open for everything.
const TICKET: &str = "r8-open";
/// The platform's ticket for its nodes, and the one for the first body while that is not open.
const NODE_TICKET: &str = "p8-node";
const RESTORING_TICKET: &str = "p8-restoring";
/// Every action of upkeep.
const ACTIONS: [&str; 6] =
    ["backup_create", "backup_restore", "body_move", "node_restart", "store_compact", "upkeep_status"];

/// The platform's terminal, as registers name it.
fn device() -> String {
    format!("chukei://platform/device/{PLATFORM_DEVICE}")
}

/// A ticket as registers have it, under the heading of its place.
fn ticket(
    heading: &str,
    (id, holder, device): (&str, &str, &str),
    [from, until]: &[String; 2],
    actions: &[&str],
) -> String {
    format!(
        "\n[[{heading}]]\nid = \"{id}\"\nholder = \"{holder}\"\ndevice = \"{device}\"\n\
         from = \"{from}\"\nuntil = \"{until}\"\nactions = {actions:?}\n"
    )
}

/// Tickets of the first body and of the platform, and a folder for backups.
fn prepare(layout: &Layout) {
    let day = |days| moment(layout, days);
    let (open, past, future) = ([day(-1), day(20)], [day(-9), day(-1)], [day(1), day(9)]);
    let own = device();
    let tickets = [
        (TICKET, MAINTENANCE, own.as_str(), &open, &ACTIONS[..]),
        ("r8-past", MAINTENANCE, &own, &past, &ACTIONS),
        ("r8-future", MAINTENANCE, &own, &future, &ACTIONS),
        ("r8-others", "m-ven-02", &own, &open, &ACTIONS),
        ("r8-status", MAINTENANCE, &own, &open, &ACTIONS[5..]),
        ("r8-device", MAINTENANCE, "t-01", &open, &ACTIONS),
    ];
    refounded(layout, BODY, |text| {
        tickets.iter().fold(text, |text, (id, holder, device, window, actions)| {
            text + &ticket("ticket", (id, holder, device), window, actions)
        })
    });
    with_platform(layout, |text| {
        let of_nodes =
            ticket("ticket", (NODE_TICKET, MAINTENANCE, &own), &open, &["node_restart", "upkeep_status"]);
        let whose = (RESTORING_TICKET, MAINTENANCE, own.as_str());
        let of_body = ticket("body.ticket", whose, &open, &["backup_restore", "upkeep_status"]);
        format!("{text}{of_nodes}\n[[body]]\ncode = \"{BODY}\"\n{of_body}")
    });
    let config = layout.config(Role::Node);
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, format!("{text}\n[upkeep]\nbackups = \"kept\"\n")).unwrap();
}

/// The body's staff report the platform's terminal well.
fn report_healthy(stage: &Stage) {
    stage.staff(BODY, &["signal", "device", &device(), "healthy"]).done();
}

/// `chukei --config maintenance.toml --body <the first> --ticket <ticket> <args>`.
fn maintenance(stage: &Stage, ticket: &str, args: &[&str]) -> Ended {
    let config = stage.layout().maintenance_config().display().to_string();
    program::with_config("chukei", &config, &[&["--body", BODY, "--ticket", ticket], args].concat())
}

/// `chukei --config maintenance.toml --ticket <the node's> upkeep <act>`.
fn of_the_node(stage: &Stage, act: &str) -> Ended {
    let config = stage.layout().maintenance_config().display().to_string();
    program::with_config("chukei", &config, &["--ticket", NODE_TICKET, "upkeep", act])
}

/// `chukei --config operator.toml <args>`.
fn operator(stage: &Stage, args: &[&str]) -> Ended {
    program::with_config("chukei", &stage.layout().operator_config().display().to_string(), args)
}

/// Maintenance's configuration after `change`, beside the one that was laid out.
fn terminal(stage: &Stage, change: impl FnOnce(String) -> String) -> PathBuf {
    let text = std::fs::read_to_string(stage.layout().maintenance_config()).unwrap();
    let path = stage.layout().dir().join(stage.file("maintenance.toml").file_name().unwrap());
    std::fs::write(&path, change(text)).unwrap();
    path
}
