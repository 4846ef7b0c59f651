//! Heads between brokers: each shows the others what it has cosigned, and hears how that goes with what they have.
//!
//! What must hold: what was cosigned since the other broker answered last is shown within a second while the link is up, in
//! bounded batches; one log that the other has no room for holds up no other log; a contradiction that the other tells is an
//! alarm here once its evidence verifies. Deliberately absent: what was cosigned before this process began, and what the
//! other had no room for; the next head of each log comes within a minute.

use std::sync::Arc;
use std::time::Duration;

use chukei_relay_client::connection::PeerConnection;
use chukei_relay_client::dial::Dialer;
use chukei_relay_client::log_witness::show_seen;
use chukei_relay_client::session::{AcceptedRequest, SessionError};
use chukei_wire::message::log::{LogCompared, LogSeen};
use chukei_wire::result::ResultName;
use tokio::time::Instant;

use super::compare::Compared;
use super::serve::{Keeping, admitted, alarm, keep};
use super::standing::{Standing, Stood};
use super::stream::answer_each;
use crate::broker::Broker;
use crate::broker::ending::Ending;
use crate::broker::peer::Peer;

/// How often it is looked whether there is something to show.
const TURN: Duration = Duration::from_millis(500);
/// Heads shown in one exchange.
const BATCH: usize = 512;

/// Shows the broker `name` what is cosigned here, until it is dropped.
pub(in crate::broker) async fn show(broker: &Arc<Broker>, links: &Dialer, name: &str) {
    let (mut shown, mut standing) = (0, Standing::default());
    loop {
        tokio::time::sleep(TURN).await;
        if let Some(peer) = links.current(name) {
            shown = show_since(broker, &peer, name, shown).await;
        }
        let newest = broker.witness.memory().newest_seen();
        let Stood { lag, alarm } = standing.look(shown, newest, Instant::now());
        broker.metrics.log_heads_waiting_seconds.with_label_values(&[name]).set(lag.as_secs_f64());
        match alarm {
            Some(true) => {
                tracing::error!(
                    alarm = "heads_not_compared",
                    broker = name,
                    "cosigned heads wait to be compared: a fork would not be found"
                );
            }
            Some(false) => tracing::info!(broker = name, "cosigned heads are compared again"),
            None => {}
        }
    }
}

/// Shows what was cosigned since the turn `from`; the turn up to which all was answered.
async fn show_since(broker: &Arc<Broker>, peer: &PeerConnection, name: &str, from: u64) -> u64 {
    let (turns, seen): (Vec<_>, Vec<_>) = broker.witness.memory().seen_since(from, BATCH).into_iter().unzip();
    if seen.is_empty() {
        return from;
    }
    let mut answers = Vec::with_capacity(seen.len());
    let told = show_seen(peer, broker.clock.now_ms(), &seen, |_, answer| answers.push(answer)).await;
    if let Err(error) = told {
        tracing::debug!(broker = name, %error, "not every cosigned head was compared");
    }
    let mut up_to = from;
    for ((turn, seen), answer) in turns.into_iter().zip(&seen).zip(answers) {
        broker.metrics.log_heads_compared.with_label_values(&[result_of(&answer)]).inc();
        match answer {
            // All of it is shown again.
            LogCompared::Refused(ResultName::NotReady) => break,
            LogCompared::Fork(evidence) => answered_with(broker, name, seen, evidence, true).await,
            LogCompared::Noted(Some(own)) => {
                answered_with(broker, name, seen, own.into_vec(), false).await;
            }
            // Of a log that the other has no room for, the next head is shown.
            _ => {}
        }
        up_to = turn;
    }
    up_to
}

/// The other broker has answered with a checkpoint of its own: what the log told it, against this one's or besides.
async fn answered_with(broker: &Arc<Broker>, name: &str, seen: &LogSeen, answer: Vec<u8>, against: bool) {
    let (worker, peers, seen) = (broker.clone(), broker.peers.load_full(), seen.clone());
    let now_ms = broker.clock.now_ms();
    let judged = broker.public_key_work.run(move || {
        let keep = |kept| keep(&worker, kept, now_ms);
        worker.witness.answered_with(&seen, (&answer, against), &peers, keep)
    });
    match judged.await {
        Ok(Some(compared)) => drop(settle(broker, compared).await),
        Ok(None) => {
            tracing::error!(broker = name, against, "a broker tells of a checkpoint that it does not show")
        }
        // Told again with the next head of this log.
        Err(_) => {}
    }
}

/// Serves one stream of another broker.
pub(in crate::broker) async fn serve(
    broker: &Arc<Broker>,
    peer: &Peer,
    request: &mut AcceptedRequest,
) -> Result<Ending, SessionError> {
    let settled = |compared| async {
        let answer = settle(broker, compared).await;
        broker.metrics.log_heads_compared.with_label_values(&[result_of(&answer)]).inc();
        answer
    };
    answer_each(request, |seen: LogSeen| take(broker, peer, seen), settled).await
}

async fn take(broker: &Arc<Broker>, peer: &Peer, seen: LogSeen) -> Compared<Keeping> {
    let refused = |name| Compared::Told(LogCompared::Refused(name));
    // Whatever the reason: OVERLOADED would say that this log has no room, and the head would not be shown again.
    let Ok((peers, now_ms)) = admitted(broker, peer) else { return refused(ResultName::NotReady) };
    let (worker, from) = (broker.clone(), peer.connection.identity().name().to_owned());
    let judged = broker.public_key_work.run(move || {
        let keep = |kept| keep(&worker, kept, now_ms);
        worker.witness.compare(&seen, &from, &peers, keep)
    });
    judged.await.unwrap_or_else(|_| refused(ResultName::NotReady))
}

async fn settle(broker: &Broker, mut compared: Compared<Keeping>) -> LogCompared {
    if let Compared::Contradicts { alarm: fork, .. } = &mut compared
        && let Some(fork) = fork.take()
    {
        alarm(broker, &fork);
    }
    broker.witness.settle_compared(compared).await
}

/// The answer as metrics name it.
fn result_of(answer: &LogCompared) -> &'static str {
    match answer {
        LogCompared::Agrees => "AGREES",
        LogCompared::Noted(_) => "NOTED",
        LogCompared::Fork(_) => "FORK",
        LogCompared::Refused(name) => name.as_str(),
    }
}
