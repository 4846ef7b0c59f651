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
mod turns;
mod vouched;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use chukei_relay_client::connection::PeerConnection;
use chukei_relay_client::log_witness::show_heads;
use chukei_wire::message::log::{LogHead, LogWitnessed};
use tokio::task::{Id, JoinSet};
use tokio::time::MissedTickBehavior;

use crate::app::Node;
use crate::hosted::HostedBody;

pub(crate) use places::Places;
pub(crate) use proofs::{ProofError, Snapshot};
pub(crate) use rows::SEALED;
pub(crate) use stored::{BadMark, StoredTree};
use turns::Turns;
pub(crate) use vouched::{Vouched, VouchedHeads};

/// How often it is looked which logs have grown.
const TURN: Duration = Duration::from_secs(1);
/// How often it is looked which cannot wait for their turn, and what is due to be shown.
const LOOK: Duration = Duration::from_millis(100);

/// What a broker answered to the heads that it was shown.
struct Answered {
    broker: String,
    answers: Vec<(LogHead, LogWitnessed)>,
}

/// Calls of brokers, one at a time for each: one that does not answer holds up no other.
#[derive(Default)]
struct Calls {
    calls: JoinSet<Answered>,
    /// The broker of each.
    called: HashMap<Id, String>,
}

/// Makes checkpoints and has them witnessed until the node stops.
pub async fn run(node: Arc<Node>) {
    let (mut turns, mut calls) = (Turns::new(node.metrics.clone()), Calls::default());
    let mut stopping = node.stopping();
    let mut due = tokio::time::interval(TURN);
    let mut looks = tokio::time::interval(LOOK);
    due.set_missed_tick_behavior(MissedTickBehavior::Delay);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = async { drop(stopping.wait_for(|stop| *stop).await) } => return turns.let_go(),
            Some(answered) = calls.ended() => turns.answered(&answered.broker, answered.answers, &node.peers()),
            Some(ended) = turns.ended() => {
                turns.take_back(ended, &node.peers());
                if turns.are_over() {
                    calls.show(&node, &mut turns);
                }
            }
            _ = looks.tick() => {
                calls.show(&node, &mut turns);
                turns.relieve(&open_bodies(&node), &calls.free(&node));
            }
            _ = due.tick() => turns.begin(&open_bodies(&node), &calls.free(&node)),
        }
    }
}

fn open_bodies(node: &Node) -> Vec<Arc<HostedBody>> {
    node.bodies.iter().filter(|body| !body.is_ended()).collect()
}

impl Calls {
    /// The next one that ends; one that broke off was answered nothing, and is shown the same again.
    async fn ended(&mut self) -> Option<Answered> {
        let (ended, answered) = match self.calls.join_next_with_id().await? {
            Ok((ended, answered)) => (ended, Some(answered)),
            Err(broken_off) => (broken_off.id(), None),
        };
        let broker = self.called.remove(&ended);
        answered.or_else(|| Some(Answered { broker: broker?, answers: Vec::new() }))
    }

    fn is_called(&self, broker: &str) -> bool {
        self.called.values().any(|called| called == broker)
    }

    /// Brokers in reach that have answered all that they were shown.
    fn free(&self, node: &Node) -> Arc<[String]> {
        let names = node.brokers().into_iter().map(|broker| broker.identity().name().to_owned());
        names.filter(|name| !self.is_called(name)).collect()
    }

    /// Shows what is due to the brokers that are free.
    fn show(&mut self, node: &Node, turns: &mut Turns) {
        for broker in node.brokers() {
            let name = broker.identity().name().to_owned();
            if self.is_called(&name) {
                continue;
            }
            let heads = turns.due_for(&name);
            if !heads.is_empty() {
                let call = self.calls.spawn(show(broker, name.clone(), heads, node.clock.now_ms()));
                self.called.insert(call.id(), name);
            }
        }
    }
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

#[cfg(test)]
pub(crate) mod samples;
#[cfg(test)]
mod tampering;
#[cfg(test)]
mod tests;
#[cfg(test)]
pub(crate) use tests::store_tree;
