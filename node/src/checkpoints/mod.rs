//! Checkpoints of the bodies' logs: each second of those that have grown, now and then of the others, shown to every
//! broker, which cosigns what has grown out of what it remembers.
//!
//! What must hold: a log that contradicts what a broker has cosigned is an alarm here as well as there, and so is one whose
//! stored tree is lost while records of it are gone: nothing is stated of a tree that would be another one; one body's
//! trouble is no other's. Deliberately absent: any wait of a request for a checkpoint.

pub(crate) mod gap;
mod logs;
mod places;
mod proofs;
mod rows;
mod statement;
mod stored;
mod vouched;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use chukei_relay_client::connection::PeerConnection;
use chukei_relay_client::log_witness::show_heads;
use chukei_wire::body_code::BodyCode;
use chukei_wire::message::log::{LogHead, LogWitnessed};
use chukei_wire::result::ResultName;
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

use crate::app::Node;
use crate::hosted::HostedBody;
use crate::telemetry::duty::Duty;

use logs::{Heard, Log};
pub(crate) use places::Places;
pub(crate) use proofs::{ProofError, Snapshot};
pub(crate) use rows::SEALED;
pub(crate) use stored::{BadMark, StoredTree};
pub(crate) use vouched::{Vouched, VouchedHeads};

/// How often it is looked which logs have grown.
const TURN: Duration = Duration::from_secs(1);
/// How often it is looked which have grown by so much that they cannot wait for their turn.
const LOOK: Duration = Duration::from_millis(100);

/// A body's log, and how it goes.
struct Watched {
    log: Log,
    /// Its growth, and what proves it.
    duties: [Duty; 2],
    /// Brokers that said that it contradicts itself: told once.
    forked: Vec<String>,
    /// Brokers that cosign nothing of it until two persons have decided that it goes on: told once.
    gapped: Vec<String>,
}

/// What a broker answered to the heads that it was shown.
struct Answered {
    broker: String,
    answers: Vec<(LogHead, LogWitnessed)>,
}

/// Makes checkpoints and has them witnessed until the node stops.
pub async fn run(node: Arc<Node>) {
    let mut logs: HashMap<BodyCode, Watched> = HashMap::new();
    // One call at a time for each broker: one that does not answer holds up no other.
    let (mut calls, mut called) = (JoinSet::new(), HashSet::new());
    let mut stopping = node.stopping();
    let mut turns = tokio::time::interval(TURN);
    let mut looks = tokio::time::interval(LOOK);
    turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = async { drop(stopping.wait_for(|stop| *stop).await) } => return,
            Some(answered) = calls.join_next() => {
                match answered {
                    Ok(Answered { broker, answers }) => {
                        called.remove(&broker);
                        take(&node, &mut logs, &broker, answers);
                    }
                    // Whose it was is not known: at worst another broker has two calls for a while.
                    Err(_) => called.clear(),
                }
            }
            _ = looks.tick() => relieve(&node, &mut logs).await,
            _ = turns.tick() => {
                let bodies: Vec<_> = node.bodies.iter().filter(|body| !body.is_ended()).collect();
                turn(&node, &bodies, &mut logs).await;
                for broker in node.brokers() {
                    let name = broker.identity().name().to_owned();
                    if called.contains(&name) {
                        continue;
                    }
                    let heads = heads_for(&name, &bodies, &mut logs).await;
                    if !heads.is_empty() {
                        called.insert(name.clone());
                        calls.spawn(show(broker, name, heads, node.clock.now_ms()));
                    }
                }
            }
        }
    }
}

/// Lets the trees grow that cannot wait.
async fn relieve(node: &Node, logs: &mut HashMap<BodyCode, Watched>) {
    for body in node.bodies.iter().filter(|body| body.audit().tree().is_pressed() && !body.is_ended()) {
        let Some(watched) = logs.get_mut(&body.code()) else { continue };
        // What fails is tried again, and told, at its turn.
        drop(watched.log.follow(&body).await);
    }
}

/// Lets every body's tree grow, and signs what is due.
async fn turn(node: &Node, bodies: &[Arc<HostedBody>], logs: &mut HashMap<BodyCode, Watched>) {
    logs.retain(|code, _| bodies.iter().any(|body| body.code() == *code));
    for body in bodies {
        let watched = logs.entry(body.code()).or_insert_with(|| Watched::new(node, body.code()));
        let [growth, _] = &mut watched.duties;
        match watched.log.turn(body).await {
            Ok(()) => drop(growth.done()),
            Err(error) => {
                let news = growth.failed(&error);
                if news && error.is_lost() {
                    node.metrics.alarm("log_tree_lost", &body.code());
                }
            }
        }
    }
}

/// What a broker has not cosigned yet, as much as one call shows.
async fn heads_for(
    broker: &str,
    bodies: &[Arc<HostedBody>],
    logs: &mut HashMap<BodyCode, Watched>,
) -> Vec<LogHead> {
    let mut heads = Vec::new();
    for body in bodies {
        let Some(watched) = logs.get_mut(&body.code()) else { continue };
        let [_, proofs] = &mut watched.duties;
        match watched.log.head_for(body, broker).await {
            Ok(head) => {
                proofs.done();
                heads.extend(head);
            }
            Err(error) => drop(proofs.failed(&error)),
        }
    }
    heads
}

async fn show(broker: PeerConnection, name: String, heads: Vec<LogHead>, now_ms: u64) -> Answered {
    let mut answers = Vec::with_capacity(heads.len());
    let shown = show_heads(&broker, now_ms, &heads, |place, answer| answers.push((place, answer))).await;
    if let Err(error) = shown {
        tracing::debug!(broker = name, %error, "not every head of a log was witnessed");
    }
    let answers = answers.into_iter().filter_map(|(place, answer)| Some((heads.get(place)?.clone(), answer)));
    Answered { broker: name, answers: answers.collect() }
}

fn take(
    node: &Node,
    logs: &mut HashMap<BodyCode, Watched>,
    broker: &str,
    answers: Vec<(LogHead, LogWitnessed)>,
) {
    for (shown, answer) in answers {
        if let Some(watched) = logs.get_mut(&shown.body) {
            watched.answered(node, broker, &shown, answer);
        }
    }
}

impl Watched {
    fn new(node: &Node, body: BodyCode) -> Self {
        let duties = ["checkpoint"; 2].map(|name| Duty::new(name, body, &node.metrics));
        Self { log: Log::default(), duties, forked: Vec::new(), gapped: Vec::new() }
    }

    fn answered(&mut self, node: &Node, broker: &str, shown: &LogHead, answer: LogWitnessed) {
        let heard = self.log.answered(broker, shown, answer, &node.peers());
        node.metrics.log_heads.with_label_values(&[heard.as_str()]).inc();
        match heard {
            Heard::Cosigned => {
                self.forked.retain(|known| known != broker);
                self.gapped.retain(|known| known != broker);
            }
            Heard::Fork if !self.forked.iter().any(|known| known == broker) => {
                self.forked.push(broker.to_owned());
                node.metrics.alarm("log_fork", &format_args!("{} at {broker}", shown.body));
            }
            Heard::Refused(ResultName::TwoPersonRequired)
                if !self.gapped.iter().any(|known| known == broker) =>
            {
                self.gapped.push(broker.to_owned());
                node.metrics.alarm("log_gap", &format_args!("{} at {broker}", shown.body));
            }
            Heard::Behind | Heard::Fork | Heard::Refused(_) => {}
        }
    }
}

#[cfg(test)]
pub(crate) mod samples;
#[cfg(test)]
mod tampering;
#[cfg(test)]
mod tests;
#[cfg(test)]
pub(crate) use tests::store_tree;
