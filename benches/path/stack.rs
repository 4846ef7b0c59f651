//! The real stack: broker, node and portal as child processes, the node with the SQLite engine.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use chukei_benches::Failure;
use chukei_harness::layout::{BODIES, Layout};
use chukei_harness::role::Role;
use chukei_harness::stack::{Stack, WhenDead};
use chukei_mock_portal::client::Client;
use chukei_mock_portal::protocol::SelfInfo;

use crate::answers::{Asking, DATASET};
use chukei_benches::load::{self, Round};

/// The stack is ready by then.
const READY: Duration = Duration::from_secs(60);
/// Connections to the portal's socket, so that no single one is what is measured.
const CONNECTIONS: usize = 4;
/// What is measured is how fast the path is, not how fast one body may be.
const PACE: &str = "\n[limits]\nrequests_per_second_per_body = 1000000\nburst_per_body = 1000000\n";
/// The node's histogram of access decisions.
const DECISIONS: &str = "chukei_decision_seconds_bucket{";
/// The node's count of journal syncs.
const SYNCS: &str = "chukei_journal_fsync_seconds_count";

/// Lays out and starts all roles; a role that dies ends the benchmark.
pub(crate) fn start(folder: &Path) -> Result<Stack, Failure> {
    let layout = Layout::open_or_create(folder)?;
    let path = layout.config(Role::Node);
    let text = std::fs::read_to_string(&path)?;
    std::fs::write(&path, format!("{text}{PACE}"))?;
    let stack = Stack::start(layout, WhenDead::Leave)?;
    stack.wait_ready(READY)?;
    Ok(stack)
}

/// The stack, and connections to its portal.
pub(crate) struct WholePath<'a> {
    stack: &'a Stack,
    clients: Arc<[Client]>,
    persons: Arc<[Asking]>,
    processes: Vec<u32>,
}

impl<'a> WholePath<'a> {
    /// Connects to the portal of a running stack.
    pub(crate) async fn connect(stack: &'a Stack, persons: Vec<Asking>) -> Result<Self, Failure> {
        let layout = stack.layout();
        let mut clients = Vec::with_capacity(CONNECTIONS);
        for _ in 0..CONNECTIONS {
            clients.push(Client::connect(&layout.portal_socket()).await?);
        }
        let mut processes = vec![std::process::id()];
        for role in [Role::Portal, Role::Broker, Role::Node] {
            processes.push(std::fs::read_to_string(layout.pid_file(role))?.trim().parse()?);
        }
        Ok(Self { stack, clients: clients.into(), persons: persons.into(), processes })
    }

    /// One round: persons ask in turn.
    pub(crate) async fn round(&self, in_flight: usize, time: Duration) -> Result<Round, Failure> {
        let (clients, persons) = (Arc::clone(&self.clients), Arc::clone(&self.persons));
        let before = self.syncs();
        let ask = move |number| ask(Arc::clone(&clients), Arc::clone(&persons), number);
        let mut round = load::run(in_flight, time, self.processes.clone(), ask).await?;
        let syncs = before.zip(self.syncs()).map(|(before, after)| after - before);
        round.per_sync = syncs.map(|syncs| round.requests / syncs.max(1.0));
        Ok(round)
    }

    fn syncs(&self) -> Option<f64> {
        let page = self.stack.metrics(Role::Node).ok()?;
        let line = page.lines().find(|line| line.starts_with(SYNCS))?;
        line.rsplit_once(' ')?.1.parse().ok()
    }

    /// How many of the node's decisions took so many seconds at most, in the order of these bounds; the last is all.
    pub(crate) fn decisions(&self) -> Result<Vec<(f64, u64)>, Failure> {
        let page = self.stack.metrics(Role::Node)?;
        // The last label: a role is one as well, and ends like it.
        let buckets = page.lines().filter_map(|line| line.strip_prefix(DECISIONS)?.rsplit_once("le=\""));
        let bound_and_count = |rest: &str| -> Option<(f64, u64)> {
            let (bound, count) = rest.split_once("\"} ")?;
            Some((bound.replace("+Inf", "inf").parse().ok()?, count.parse().ok()?))
        };
        Ok(buckets.filter_map(|(_, rest)| bound_and_count(rest)).collect())
    }
}

async fn ask(clients: Arc<[Client]>, persons: Arc<[Asking]>, number: u64) -> Result<(), Failure> {
    let [body, ..] = BODIES;
    let number = usize::try_from(number)?;
    let client = clients.get(number % clients.len().max(1)).ok_or("no connection")?;
    let person = persons.get(number % persons.len().max(1)).ok_or("nobody asks")?;
    let answer = client.self_info(&person.user, body.code, &[DATASET]).await?;
    if is_of(&answer, person) { Ok(()) } else { Err(format!("not this person's: {}", answer.result).into()) }
}

/// Whether it is this person's answer (R30): a fast answer to somebody else is none.
fn is_of(answer: &SelfInfo, person: &Asking) -> bool {
    let mut values = answer.datasets.iter().flat_map(|dataset| &dataset.items).map(|item| &item.value);
    answer.result == "DONE" && values.any(|value| value.starts_with(&person.addressee))
}
