//! Certificates that are revoked or replaced while everything runs (R20): who was revoked begins nothing more within a
//! second, in either direction; a replacement is noticed by nobody.

use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use chukei_harness::layout::{DEVICE, STAFF};
use chukei_harness::role::Role;
use chukei_ops::pki::{Pki, Validity};
use chukei_relay_client::connection::ConnectionError;
use chukei_wire::header::Kind;
use libtest_mimic::{Failed, Trial};
use serde_json::Value;

use crate::group::{Shared, Test, group};
use crate::hop::{Caller, credentials, dial_staff};
use crate::load::Load;
use crate::page::page;
use crate::person::until_served;
use crate::program;
use crate::stage::{Stage, refused_in_time, until};

const TESTS: &[Test<Renewed>] = &[
    ("r20_a_revoked_member_of_staff_begins_nothing_more_within_a_second", member_of_staff),
    ("r20_a_revoked_node_is_used_by_nobody_until_it_has_another_certificate", node),
    ("a_revoked_device_is_none_and_another_s_proof_is_refused", device),
    ("certificates_are_replaced_under_load_and_no_request_fails", replaced_under_load),
    ("a_list_that_is_older_or_not_the_authority_s_changes_nothing_and_is_shown", not_believed),
];

pub(crate) fn trials() -> Vec<Trial> {
    group("credentials", TESTS)
}

const BODY: &str = "982016";
const NEW_DAYS: u32 = 30;

/// A stage whose certificates come and go.
struct Renewed {
    stage: Stage,
    /// There is one authority, and one node: the tests take turns.
    turns: Mutex<()>,
}

impl Shared for Renewed {
    fn set() -> Result<Self, Failed> {
        Ok(Self { stage: Stage::start("credentials", |_| ())?, turns: Mutex::default() })
    }

    fn keep(&self) {
        self.stage.keep();
    }
}

impl Renewed {
    fn turn(&self) -> MutexGuard<'_, ()> {
        self.turns.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn dir(&self) -> PathBuf {
        self.stage.layout().dir().join("pki")
    }

    fn pki(&self) -> Pki {
        Pki::open(&self.dir()).unwrap()
    }

    fn validity(&self) -> Validity {
        Validity::hop(self.stage.layout().clock().now_ms())
    }

    /// `chukei pki revoke`.
    fn revoke(&self, args: &[&str]) -> Value {
        let dir = self.dir().display().to_string();
        program::run("chukei", &[&["--json", "pki", "revoke", "--dir", &dir], args].concat()).done()
    }

    /// Issues a certificate for a member of staff; its file stem.
    fn staff(&self, name: &str) -> String {
        self.pki().issue_staff(BODY.parse().unwrap(), name, self.validity()).unwrap();
        format!("staff-{BODY}-{name}")
    }

    /// A connection of a member of staff, and that it is served.
    fn enter(&self, stem: &str) -> Caller {
        let layout = self.stage.layout();
        let own = credentials(layout, stem);
        let caller = self.stage.runtime.block_on(dial_staff(layout, &own)).unwrap();
        assert!(self.is_served(&caller));
        caller
    }

    fn is_served(&self, caller: &Caller) -> bool {
        let header = caller.header(Kind::CatalogueList, BODY);
        self.stage.runtime.block_on(caller.try_ask(&header, &[])).is_ok_and(|reply| reply.error.is_none())
    }

    /// A staff terminal's configuration after `change`.
    fn terminal(&self, change: impl FnOnce(String) -> String) -> String {
        let layout = self.stage.layout();
        let text = std::fs::read_to_string(layout.staff_config(BODY)).unwrap();
        let path = layout.dir().join(self.stage.file("staff.toml").file_name().unwrap());
        std::fs::write(&path, change(text)).unwrap();
        path.display().to_string()
    }

    /// `chukei catalogue list` with this configuration.
    fn catalogue(&self, config: &str) -> program::Ended {
        program::run("chukei", &["--config", config, "--json", "catalogue", "list"])
    }

    /// The sample of a role's metric that begins so.
    fn sample(&self, role: Role, begin: &str) -> f64 {
        let (_, text) = page(self.stage.layout(), role, "/metrics").unwrap();
        let line = text.lines().find(|line| line.starts_with(begin));
        line.unwrap_or_else(|| panic!("no {begin}")).rsplit(' ').next().unwrap().parse().unwrap()
    }
}

fn member_of_staff(renewed: &Renewed) {
    let _turn = renewed.turn();
    let stem = renewed.staff("u-gone-01");
    let (gone, other) = (renewed.enter(&stem), renewed.enter(&format!("staff-{BODY}-{STAFF}")));
    let revoked = renewed.revoke(&[&format!("chukei://body/{BODY}/staff/u-gone-01")]);
    assert_eq!(revoked["revoked"], 1, "{revoked}");
    refused_in_time("who was revoked", || renewed.is_served(&gone));
    let end = renewed.stage.runtime.block_on(gone.peer.closed());
    assert!(end.refuses_certificate(), "{end:?}");
    assert!(renewed.is_served(&other), "another notices nothing");

    // The terminal knows it by its own copy of the list; without one, the node tells it.
    let own = renewed.terminal(|text| text.replace(&format!("staff-{BODY}-{STAFF}"), &stem));
    assert_eq!(renewed.catalogue(&own).refused(), "DENIED");
    let without = renewed.terminal(|text| {
        text.replace(&format!("staff-{BODY}-{STAFF}"), &stem).replace("crl = \"pki/ca.crl\"\n", "")
    });
    assert_eq!(renewed.catalogue(&without).refused(), "DENIED");
    // Whoever has another certificate is served again, with the list unchanged.
    renewed.staff("u-gone-01");
    renewed.enter(&stem);
}

fn node(renewed: &Renewed) {
    let _turn = renewed.turn();
    let stage = &renewed.stage;
    let person = stage.with_copies(BODY, 1).remove(0);
    until_served(stage, BODY, &person);
    let client = stage.client();
    renewed.revoke(&["node-a"]);
    refused_in_time("a revoked node", || {
        let asked = client.self_info(&person.user, BODY, &[crate::copy_file::TAX]);
        // It does not answer any more: the portal is still trying at the end of the second.
        let limit = std::time::Duration::from_millis(500);
        stage
            .runtime
            .block_on(async { tokio::time::timeout(limit, asked).await.is_ok_and(|asked| asked.is_ok()) })
    });
    assert_eq!(stage.staff(BODY, &["catalogue", "list"]).code, Some(4), "its terminals speak to it no more");
    let (status, told) = page(stage.layout(), Role::Node, "/readyz").unwrap();
    assert!(status == 503 && told.contains("revoked"), "{told}");
    renewed.pki().issue_node("node-a", &[[127, 0, 0, 1].into()], renewed.validity()).unwrap();
    until_served(stage, BODY, &person);
    stage.staff(BODY, &["catalogue", "list"]).done();
}

fn device(renewed: &Renewed) {
    let _turn = renewed.turn();
    let stage = &renewed.stage;
    stage.staff(BODY, &["catalogue", "list"]).done();
    let other = renewed.terminal(|text| text.replace(&format!("device-{BODY}"), "device-982024"));
    assert_eq!(renewed.catalogue(&other).refused(), "DEVICE_UNKNOWN", "of another body");
    renewed.revoke(&[&format!("device-{BODY}-{DEVICE}")]);
    until("the end of the device", || {
        stage.staff(BODY, &["catalogue", "list"]).code.filter(|code| *code == 3)
    });
    assert_eq!(stage.staff(BODY, &["catalogue", "list"]).refused(), "DEVICE_UNKNOWN");
    let without = renewed.terminal(|text| {
        let (before, rest) = text.split_once("[device]").unwrap();
        format!("{before}{}", &rest[rest.find("[node]").unwrap()..])
    });
    assert_eq!(renewed.catalogue(&without).refused(), "DEVICE_UNKNOWN", "of none");
    let device = format!("chukei://body/{BODY}/device/{DEVICE}").parse().unwrap();
    renewed.pki().issue(&device, renewed.validity()).unwrap();
    stage.staff(BODY, &["catalogue", "list"]).done();
}

fn replaced_under_load(renewed: &Renewed) {
    let _turn = renewed.turn();
    let stage = &renewed.stage;
    let persons = stage.with_copies(BODY, 4);
    let load = Load::begin(stage, BODY, &persons);
    let new = Validity { days: NEW_DAYS, ..renewed.validity() };
    let loopback = [[127, 0, 0, 1].into()];
    renewed.pki().issue_node("node-a", &loopback, new).unwrap();
    renewed.pki().issue_portal("mynaportal", &loopback, new).unwrap();
    renewed.pki().issue_broker("broker-a", &loopback, new).unwrap();
    for role in Role::ALL {
        let days = || renewed.sample(role, "chukei_certificate_days_left{certificate=\"hop\"");
        until("the new certificate", || (days() <= f64::from(NEW_DAYS)).then_some(()));
    }
    for peer in ["node", "portal"] {
        let links = || renewed.sample(Role::Broker, &format!("chukei_connections{{peer=\"{peer}\""));
        // The older one is kept for what was begun on it.
        until("a link under it", || (links() >= 2.0).then_some(()));
    }
    load.goes_on();
    for name in ["node-a", "portal-mynaportal", "broker-a"] {
        assert!(renewed.revoke(&["--former", name])["revoked"].as_u64().unwrap() >= 1);
    }
    for peer in ["node", "portal"] {
        let links = || renewed.sample(Role::Broker, &format!("chukei_connections{{peer=\"{peer}\""));
        until("the end of what showed the former one", || (links() <= 1.0).then_some(()));
    }
    load.goes_on();
    stage.staff(BODY, &["catalogue", "list"]).done();
    assert!(load.end(stage) > 0);
}

fn not_believed(renewed: &Renewed) {
    let _turn = renewed.turn();
    let stage = &renewed.stage;
    let path = renewed.dir().join("ca.crl");
    let older = std::fs::read(&path).unwrap();
    let stem = renewed.staff("u-gone-02");
    let gone = renewed.enter(&stem);
    renewed.revoke(&[&stem]);
    refused_in_time("who was revoked", || renewed.is_served(&gone));
    let unusable = || renewed.sample(Role::Node, "chukei_tls_file_unusable{file=\"crl\"");
    let replace = |bytes: &[u8]| {
        let fresh = path.with_extension("fresh");
        std::fs::write(&fresh, bytes).unwrap();
        std::fs::rename(fresh, &path).unwrap();
    };
    let newer = std::fs::read(&path).unwrap();
    for bad in [older, b"nothing".to_vec(), newer[..newer.len() / 2].to_vec()] {
        replace(&bad);
        until("the fault", || (unusable() == 1.0).then_some(()));
        let layout = stage.layout();
        let dialled = stage.runtime.block_on(dial_staff(layout, &credentials(layout, &stem)));
        let end = dialled.map(|caller| stage.runtime.block_on(caller.peer.closed()));
        assert!(matches!(end, Err(_) | Ok(ConnectionError::CertificateRefused)), "{end:?}");
        replace(&newer);
        until("its end", || (unusable() == 0.0).then_some(()));
    }
    assert!(renewed.sample(Role::Node, "chukei_crl_seconds_left") > 0.0);
}
