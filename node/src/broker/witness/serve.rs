//! One stream of heads: each is judged in its turn and answered in order, many of them under one sync of the journal.
//!
//! What must hold: a connection shows heads of its own bodies alone, at a bounded rate; what waits for the disk is
//! bounded; an answer that cosigns is written after its memory is durable.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chukei_relay_client::peers::PeerList;
use chukei_relay_client::session::{AcceptedRequest, SessionError};
use chukei_store::journal::{Entry, JournalError};
use chukei_wire::message::log::{LogGap, LogHead, LogWitnessed};
use chukei_wire::result::ResultName;
use tokio::time::Instant;

use super::memory::Kept;
use super::stream::answer_each;
use super::{Fork, OWNER, Taken};
use crate::broker::Broker;
use crate::broker::ending::Ending;
use crate::broker::peer::Peer;

/// Heads of one connection in one [`WINDOW`]: twice what a node that hosts every body shows.
const HEADS: u32 = 4_096;
/// In which heads are counted.
const WINDOW: Duration = Duration::from_secs(1);

/// How many heads a connection has shown in the running window.
#[derive(Default)]
pub(in crate::broker) struct HeadRate(Mutex<Option<(Instant, u32)>>);

impl HeadRate {
    /// Counts one head; whether it may be looked at.
    pub(super) fn admit(&self, now: Instant) -> bool {
        let mut window = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (begun, heads) = window.get_or_insert((now, 0));
        if now.saturating_duration_since(*begun) >= WINDOW {
            (*begun, *heads) = (now, 0);
        }
        *heads = heads.saturating_add(1);
        *heads <= HEADS
    }
}

/// An entry on its way to the disk.
pub(super) type Keeping = Box<dyn Future<Output = Result<u64, JournalError>> + Send + Unpin>;

/// Serves one stream of `peer`.
pub(in crate::broker) async fn serve(
    broker: &Arc<Broker>,
    peer: &Peer,
    request: &mut AcceptedRequest,
) -> Result<Ending, SessionError> {
    let settled = |taken| async {
        let answer = settle(broker, taken).await;
        broker.metrics.log_heads.with_label_values(&[result_of(&answer)]).inc();
        answer
    };
    answer_each(request, |head: LogHead| take(broker, peer, head), settled).await
}

/// The list by which a head that this peer shows now is judged, and when that is; why it is not looked at.
pub(super) fn admitted(broker: &Broker, peer: &Peer) -> Result<(Arc<PeerList>, u64), ResultName> {
    let (peers, now_ms) = (broker.peers.load_full(), broker.clock.now_ms());
    if !peer.heads.admit(Instant::now()) {
        return Err(ResultName::Overloaded);
    }
    if broker.is_draining() || peers.not_after_ms() < now_ms {
        return Err(ResultName::NotReady);
    }
    Ok((peers, now_ms))
}

async fn take(broker: &Arc<Broker>, peer: &Peer, head: LogHead) -> Taken<Keeping> {
    let refused = |name| Taken::Told(LogWitnessed::Refused(name));
    let (peers, now_ms) = match admitted(broker, peer) {
        Ok(admitted) => admitted,
        Err(name) => return refused(name),
    };
    if !broker.routes.owns(peer, head.body, now_ms) {
        return refused(ResultName::NotFound);
    }
    let worker = broker.clone();
    let judged = broker.public_key_work.run(move || {
        let keep = |kept| keep(&worker, kept, now_ms);
        worker.witness.take(&head, &peers, now_ms, keep)
    });
    judged.await.unwrap_or_else(|_| refused(ResultName::NotReady))
}

/// Puts an entry on its way to the disk.
pub(super) fn keep(broker: &Broker, kept: Kept, at_ms: u64) -> Keeping {
    #[cfg(feature = "faults")]
    if broker.faults.loses_heads() {
        return Box::new(std::future::ready(Err(JournalError::Failed)));
    }
    let Ok((kind, sealed)) = kept.written() else {
        return Box::new(std::future::ready(Err(JournalError::Failed)));
    };
    let partition = OWNER.to_owned();
    Box::new(broker.journal.append(Entry { partition, kind, at_ms, replay: None, sealed }))
}

async fn settle(broker: &Broker, taken: Taken<Keeping>) -> LogWitnessed {
    match taken {
        Taken::Told(answer) => answer,
        Taken::Alarm(fork) => {
            alarm(broker, &fork);
            LogWitnessed::Fork
        }
        Taken::Cosigned(cosigned, kept) => {
            let (answer, gap) = broker.witness.settle(*cosigned, kept).await;
            if let Some(gap) = gap {
                begun(broker, &gap);
            }
            answer
        }
    }
}

/// An epoch of a log begins: whoever asks what was lost finds here who decided that it goes on.
fn begun(broker: &Broker, gap: &LogGap) {
    broker.metrics.log_gaps.inc();
    let claims = &gap.claims;
    let last = claims.last.as_ref().map(|note| String::from_utf8_lossy(note));
    let [first, second] = &claims.persons;
    tracing::warn!(
        body = %claims.body, epoch = claims.epoch, from = claims.first, first, second,
        last = last.as_deref().unwrap_or("none"),
        "a log goes on in a new epoch, by a word of two persons",
    );
}

/// Both checkpoints are signed by the log: the line is the evidence.
pub(super) fn alarm(broker: &Broker, fork: &Fork) {
    let Fork { origin, remembered, shown } = fork;
    broker.metrics.alarm("log_fork", origin);
    tracing::error!(%origin, remembered, shown, "a log contradicts what was cosigned of it");
}

/// The answer as metrics name it.
fn result_of(answer: &LogWitnessed) -> &'static str {
    match answer {
        LogWitnessed::Cosigned(_) => "COSIGNED",
        LogWitnessed::Behind(_) => "BEHIND",
        LogWitnessed::Fork => "FORK",
        LogWitnessed::Refused(name) => name.as_str(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r40_a_connection_shows_heads_at_a_bounded_rate() {
        let rate = HeadRate::default();
        let now = Instant::now();
        for _ in 0..HEADS {
            assert!(rate.admit(now));
        }
        assert!(!rate.admit(now + WINDOW / 2));
        assert!(rate.admit(now + WINDOW));
    }
}
