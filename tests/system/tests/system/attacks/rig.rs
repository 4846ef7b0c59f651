//! A stack with a relay of datagrams in front of its broker, and persons whose values are known.

use std::net::{SocketAddr, UdpSocket};
use std::ops::Deref;
use std::sync::Mutex;
use std::time::Duration;

use chukei_harness::layout::Layout;
use chukei_harness::role::Role;
use chukei_mock_portal::client::Client;
use chukei_mock_portal::failure::Failure;
use chukei_relay_client::clock::Clock;
use libtest_mimic::Failed;
use tokio::runtime::Runtime;

use super::datagrams::DatagramRelay;
use crate::copy_file::{Row, TAX, file};
use crate::person::Person;
use crate::stage::{Stage, until};

/// Where attacks happen.
pub(crate) const BODY: &str = "982016";

/// A person with the one value that is theirs.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    pub(crate) person: Person,
    pub(crate) value: String,
}

impl Known {
    /// The id of the person's record.
    pub(crate) fn record_id(&self) -> String {
        format!("r-{}", self.person.addressee)
    }
}

/// The stack and the relays in front of its broker.
pub(crate) struct Rig {
    pub(crate) stage: Stage,
    /// Between node and broker.
    pub(crate) node_hop: DatagramRelay,
    /// Between portal and broker.
    pub(crate) portal_hop: DatagramRelay,
    offset_s: Mutex<u64>,
    // Behind everything that uses it.
    _relays: Runtime,
}

impl Rig {
    /// Starts a stack named `name`, with these lines in the node's `[limits]`.
    pub(crate) fn start(name: &str, node_limits: &str) -> Result<Self, Failed> {
        Self::prepared(name, node_limits, |_| ())
    }

    /// A rig whose layout `prepare` changes before the roles start.
    pub(crate) fn prepared(
        name: &str,
        node_limits: &str,
        prepare: impl FnOnce(&Layout),
    ) -> Result<Self, Failed> {
        let seed = seed();
        eprintln!("{name}: seed {seed}");
        let runtime = Runtime::new()?;
        let mut hops = None;
        let stage = Stage::start(name, |layout| {
            let broker = broker_address(layout);
            let relays = [1, 2].map(|part| DatagramRelay::start(&runtime, broker, seed + part));
            replace(layout, Role::Node, broker, relays[0].front);
            replace(layout, Role::Portal, broker, relays[1].front);
            append(layout, Role::Node, &format!("\n[limits]\n{node_limits}\n"));
            prepare(layout);
            hops = Some(relays);
        })?;
        let [node_hop, portal_hop] = hops.expect("the layout was prepared");
        Ok(Self { stage, node_hop, portal_hop, offset_s: Mutex::new(0), _relays: runtime })
    }

    /// Waits until whoever was the broker has let go of its port, so that another can take its place.
    pub(crate) fn wait_for_brokers_port(&self) {
        let address = broker_address(self.layout());
        until("the broker's port", || UdpSocket::bind(address).ok());
    }

    /// Moves the clock of every role on.
    pub(crate) fn advance(&self, by: Duration) {
        let mut offset = self.offset_s.lock().unwrap();
        *offset += by.as_secs();
        self.stage.layout().set_clock(&format!("+{offset}s")).unwrap();
    }
}

impl Deref for Rig {
    type Target = Stage;

    fn deref(&self) -> &Stage {
        &self.stage
    }
}

impl Stage {
    /// New persons of `body`, each with one record of a value of their own.
    pub(crate) fn known_persons(&self, body: &str, count: usize) -> Vec<Known> {
        let persons = self.persons(body, count);
        let known: Vec<Known> = persons
            .into_iter()
            .map(|person| Known { value: format!("通知{}の分", person.addressee), person })
            .collect();
        let ids: Vec<String> = known.iter().map(Known::record_id).collect();
        let rows: Vec<Row<'_>> = known
            .iter()
            .zip(&ids)
            .map(|(known, id)| Row::new(body, &known.person, id, &known.value))
            .collect();
        self.import_new(body, file(&rows), count);
        known
    }

    /// Imports a file of `count` new records.
    pub(crate) fn import_new(&self, body: &str, file: impl AsRef<[u8]>, count: usize) {
        let path = self.written("copies.csv", file);
        let report = self.staff(body, &["copy", "import", &path]).done();
        assert_eq!(report["registered"], count, "{report}");
    }

    /// Asks for a person's tax data at the portal: the first value, or the code of the refusal.
    pub(crate) fn ask(&self, known: &Known) -> Result<String, String> {
        let client = self.client();
        self.runtime.block_on(ask(&client, known))
    }

    /// Asks until an honest answer comes, which must be the person's own: after an attack, nobody has to help.
    #[track_caller]
    pub(crate) fn ask_until_answered(&self, known: &Known) {
        let value = until("an answer", || self.ask(known).ok());
        assert_eq!(value, known.value);
    }

    /// Ids of the notices in a person's folder.
    pub(crate) fn notices(&self, of: &Known) -> Vec<String> {
        let client = self.client();
        let list = self.runtime.block_on(client.notices(&of.person.user)).unwrap();
        list.notices.iter().map(|notice| notice.notice_id.clone()).collect()
    }

    /// Mismatches that `role` has alarmed of since it was started, all kinds or one.
    pub(crate) fn alarms(&self, role: Role, kind: Option<&str>) -> u64 {
        let kind = kind.map(|kind| format!("kind=\"{kind}\""));
        self.counted(role, "chukei_integrity_alarms_total{", kind.as_deref().unwrap_or_default())
    }

    /// Sum of a role's counters whose lines begin with `metric` and contain `label`.
    pub(crate) fn counted(&self, role: Role, metric: &str, label: &str) -> u64 {
        let page = self.stack.metrics(role).unwrap();
        let lines = page.lines().filter(|line| line.starts_with(metric) && line.contains(label));
        lines.map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap()).sum()
    }
}

/// The first value of a person's tax data, or the code of the refusal.
pub(crate) async fn ask(client: &Client, known: &Known) -> Result<String, String> {
    let answer = client.self_info(&known.person.user, BODY, &[TAX]).await.map_err(code)?;
    let values: Vec<&str> =
        answer.datasets.iter().flat_map(|dataset| &dataset.items).map(|item| item.value.as_str()).collect();
    match (answer.result.as_str(), &values[..]) {
        ("DONE", [value, ..]) => Ok((*value).to_owned()),
        (other, _) => Err(other.to_owned()),
    }
}

fn code(failure: Failure) -> String {
    failure.code
}

/// What random choices of a run come from: printed, and set by `CHUKEI_SEED` to repeat one.
pub(crate) fn seed() -> u64 {
    let given = std::env::var("CHUKEI_SEED").ok().and_then(|seed| seed.parse().ok());
    given.unwrap_or_else(|| Clock::system().now_ms())
}

/// Where the broker listens.
pub(crate) fn broker_address(layout: &Layout) -> SocketAddr {
    let text = std::fs::read_to_string(layout.config(Role::Broker)).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("relay = \"")).unwrap();
    line.trim_end_matches('"').parse().unwrap()
}

/// Lets `role` dial `front` in the broker's place.
fn replace(layout: &Layout, role: Role, broker: SocketAddr, front: SocketAddr) {
    let path = layout.config(role);
    let text = std::fs::read_to_string(&path).unwrap();
    let changed = text.replace(&broker.to_string(), &front.to_string());
    assert_ne!(text, changed, "{role} dials the broker");
    std::fs::write(&path, changed).unwrap();
}

fn append(layout: &Layout, role: Role, lines: &str) {
    let path = layout.config(role);
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text + lines).unwrap();
}
