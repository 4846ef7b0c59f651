//! Copies on their way to the other broker: what is durable here and not there yet, a hundred milliseconds at a time.
//!
//! What must hold: the other says where it goes on, at the begin of each stream, and which entry that is; what it has more of
//! than this broker, or what is another's, is never written over; nothing counts as copied that was not sent.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chukei_relay_client::connection::PeerConnection;
use chukei_relay_client::dial::Dialer;
use chukei_relay_client::request_id;
use chukei_relay_client::session::{OpenRequest, SessionError, open_request};
use chukei_relay_client::stream::StreamError;
use chukei_store::journal::{Journal, JournalError};
use chukei_wire::frame::Outcome;
use chukei_wire::header::{Header, Hop, Kind};
use chukei_wire::limits::{COPIES_MAX, COPY_MAX};
use chukei_wire::message::copies::{CopiesAsked, CopiesHeld, CopyBatch, CopyKept, CopyOf, HeldEnd};
use tokio::time::Instant;

use super::progress::Progress;
use super::{ends, places};
use crate::broker::Broker;

/// How often it is looked what is new.
const TURN: Duration = Duration::from_millis(100);
/// Longest stream, milliseconds; another one follows.
const STREAM_MS: u32 = 30_000;
/// No batch is begun later in a stream.
const BEGUN_WITHIN: Duration = Duration::from_secs(20);
/// After a stream that failed.
const AGAIN: Duration = Duration::from_millis(500);

/// Why a stream of copies ended early.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotSent {
    #[error(transparent)]
    Session(#[from] SessionError),
    #[error("not taken: {0:?}")]
    NotAnswered(Outcome),
    #[error("journal: {}", .0.code())]
    Journal(#[from] JournalError),
    #[error("it holds {held} of {} entries up to {durable}: this broker has lost some; see --adopt-copies", .of.as_str())]
    Ahead { of: CopyOf, held: u64, durable: u64 },
    #[error(
        "its copy {number} of {} is of another entry: this broker has lost some and written others since; see \
         --adopt-copies",
        .of.as_str()
    )]
    Differs { of: CopyOf, number: u64 },
    #[error("it says to hold {} up to {told}, and was sent them up to {sent}", .of.as_str())]
    NotAsSent { of: CopyOf, told: u64, sent: u64 },
    #[error("no request id")]
    Random,
    #[error("the work broke off")]
    Broken,
}

impl From<StreamError> for NotSent {
    fn from(error: StreamError) -> Self {
        Self::Session(error.into())
    }
}

/// Sends copies to the broker `name`, until it is dropped.
pub(in crate::broker) async fn send(broker: &Arc<Broker>, links: &Dialer, name: &str) {
    let progress = Mutex::new(Progress::default());
    let sending = async {
        let mut failing = None;
        loop {
            tokio::time::sleep(TURN).await;
            let Some(peer) = links.current(name) else { continue };
            if !due(&broker.journal, &hold(&progress)) {
                continue;
            }
            match stream(broker, &peer, &progress).await {
                Ok(()) => failing = None,
                Err(error) => {
                    broker.metrics.record_copies.set(0);
                    let error = error.to_string();
                    if failing.as_ref() != Some(&error) {
                        tracing::error!(broker = name, error, "records are not copied; tried on");
                    }
                    failing = Some(error);
                    tokio::time::sleep(AGAIN).await;
                }
            }
        }
    };
    let measuring = async {
        loop {
            let standing = hold(&progress).look(durable(&broker.journal), Instant::now());
            broker.metrics.record_copies_behind.set(i64::try_from(standing.behind).unwrap_or(i64::MAX));
            broker.metrics.record_copies_lag_seconds.set(standing.lag.as_secs_f64());
            match standing.alarm {
                Some(true) => {
                    tracing::error!(
                        alarm = "records_not_copied",
                        broker = name,
                        "entries wait for a second copy"
                    );
                }
                Some(false) => tracing::info!(broker = name, "entries are copied again"),
                None => {}
            }
            tokio::time::sleep(TURN).await;
        }
    };
    tokio::join!(sending, measuring);
}

fn durable(journal: &Journal) -> [u64; 3] {
    CopyOf::ALL.map(|of| journal.last_number(places::own(of)))
}

fn due(journal: &Journal, progress: &Progress) -> bool {
    CopyOf::ALL.into_iter().zip(durable(journal)).any(|(of, last)| last > progress.last(of))
}

/// One stream: as long as there is something to send, and not for ever.
async fn stream(
    broker: &Arc<Broker>,
    peer: &PeerConnection,
    progress: &Mutex<Progress>,
) -> Result<(), NotSent> {
    let begun = Instant::now();
    let now_ms = broker.clock.now_ms();
    let mut open = opened(peer, now_ms, CopiesAsked::Keep).await?;
    let held: CopiesHeld = open.recv.read_message().await?;
    for (of, end) in CopyOf::ALL.into_iter().zip(held.ends) {
        goes_on(&broker.journal, progress, of, end).await?;
        hold(progress).copied(of, end.last);
    }
    while begun.elapsed() < BEGUN_WITHIN && due(&broker.journal, &hold(progress)) {
        let mut sent = false;
        for of in CopyOf::ALL {
            let from = hold(progress).last(of) + 1;
            let journal = broker.journal.clone();
            let read = tokio::task::spawn_blocking(move || batch(&journal, of, from)).await;
            let batch = read.map_err(|_| NotSent::Broken)??;
            let Some(last) = batch.entries.last() else {
                // What is left of them was given up: there is nothing to copy.
                if batch.first > from {
                    hold(progress).copied(of, batch.first - 1);
                }
                continue;
            };
            let end = ends::end(last)?;
            open.send.write_message(&batch).await?;
            as_sent(open.recv.read_message().await?, of, end.last)?;
            // Not before: one whose disk fills answers, and takes none.
            broker.metrics.record_copies.set(1);
            let mut progress = hold(progress);
            progress.copied(of, end.last);
            progress.is_own(of, end);
            sent = true;
        }
        if !sent {
            break;
        }
    }
    open.send.finish().await?;
    open.recv.expect_end().await?;
    broker.metrics.record_copies.set(1);
    Ok(())
}

/// Whether this broker's entries go on where the copies end.
async fn goes_on(
    journal: &Arc<Journal>,
    progress: &Mutex<Progress>,
    of: CopyOf,
    end: HeldEnd,
) -> Result<(), NotSent> {
    let (own, durable) = (places::own(of), journal.last_number(places::own(of)));
    if end.last > durable {
        return Err(NotSent::Ahead { of, held: end.last, durable });
    }
    if hold(progress).is_known(of, end) {
        return Ok(());
    }
    let journal = journal.clone();
    let compared = tokio::task::spawn_blocking(move || ends::differs(&journal, own, end)).await;
    if compared.map_err(|_| NotSent::Broken)?? {
        return Err(NotSent::Differs { of, number: end.last });
    }
    hold(progress).is_own(of, end);
    Ok(())
}

/// Whether what is said to be held is what was sent, up to this number.
fn as_sent(kept: CopyKept, of: CopyOf, sent: u64) -> Result<(), NotSent> {
    if kept == (CopyKept { of, last: sent }) {
        return Ok(());
    }
    Err(NotSent::NotAsSent { of, told: kept.last, sent })
}

/// Opens a stream for copies.
pub(super) async fn opened(
    peer: &PeerConnection,
    now_ms: u64,
    asked: CopiesAsked,
) -> Result<OpenRequest, NotSent> {
    let id = request_id::fresh(now_ms).map_err(|_| NotSent::Random)?;
    let header = Header::hop(Kind::RecordCopies, None, id, STREAM_MS);
    let mut open = open_request(peer, &header, &Hop::default()).await?;
    open.send.write_message(&asked).await?;
    match open.read_status().await? {
        Outcome::Answered => Ok(open),
        other => Err(NotSent::NotAnswered(other)),
    }
}

/// Entries from number `from` on, as many as one message has. Blocking.
fn batch(journal: &Journal, of: CopyOf, from: u64) -> Result<CopyBatch, JournalError> {
    let partition = places::own(of);
    let (first, last) = (journal.first_number(partition).0, journal.last_number(partition));
    let mut batch = CopyBatch { of, first, entries: Vec::new() };
    let mut bytes = 0;
    for entry in journal.read(partition, from.max(first)) {
        let entry = entry?;
        bytes += entry.sealed.len();
        let full = bytes > COPY_MAX && !batch.entries.is_empty();
        if entry.seq > last || full || batch.entries.len() == COPIES_MAX {
            break;
        }
        batch.entries.push(ends::of_entry(entry));
    }
    Ok(batch)
}

fn hold(progress: &Mutex<Progress>) -> MutexGuard<'_, Progress> {
    progress.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r41_nothing_counts_as_copied_that_was_not_sent() {
        let kept = |of, last| as_sent(CopyKept { of, last }, CopyOf::Records, 7);
        assert!(kept(CopyOf::Records, 7).is_ok());
        for (of, last) in [(CopyOf::Records, 8), (CopyOf::Records, u64::MAX), (CopyOf::Witness, 7)] {
            assert!(matches!(kept(of, last), Err(NotSent::NotAsSent { .. })), "{of:?} {last}");
        }
    }
}
