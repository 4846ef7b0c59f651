//! A broker that starts asks whoever holds its copies how far they go. Where it has lost entries, it starts once it is told to
//! adopt them, and takes them back at exactly their numbers before anything else is written.
//!
//! What must hold: a broker that knows to have less than its copies, or others in their place, neither starts nor numbers
//! anything anew; what it adopts
//! continues what it has, or it adopts nothing of that kind. Deliberately absent: keys. Records that come back open under the
//! keyring that sealed them, and under no other.

use std::sync::Arc;
use std::time::Duration;

use chukei_relay_client::clock::Clock;
use chukei_relay_client::connection::PeerConnection;
use chukei_relay_client::endpoint::{ClientEndpoint, client_endpoint};
use chukei_relay_client::tls::HopCredentials;
use chukei_store::GivenUp;
use chukei_store::journal::{Entry, Journal, JournalEntry, JournalError};
use chukei_wire::identity::Identity;
use chukei_wire::message::copies::{CopiedEntry, CopiesAsked, CopiesHeld, CopyBatch, CopyOf, HeldEnd};
use tokio::sync::mpsc;

use super::send::{NotSent, opened};
use super::{ends, places};
use crate::config::broker::BrokerConfig;

/// How long the other broker is waited for at a start, where nothing is to be adopted.
const ASKED_WITHIN: Duration = Duration::from_secs(2);
/// The same where something is.
const ADOPTED_FROM_WITHIN: Duration = Duration::from_secs(20);
/// Batches on their way into the journal.
const AHEAD: usize = 2;

/// Why a broker does not start.
#[derive(Debug, thiserror::Error)]
pub enum AdoptError {
    /// There is nobody to adopt from.
    #[error("--adopt-copies: no [[brokers]] are configured, and the first of them holds the copies")]
    Nobody,
    /// Whoever holds the copies does not answer.
    #[error("--adopt-copies: {name}, which holds the copies, does not answer: {why}")]
    NotReached {
        /// The broker.
        name: String,
        /// What went wrong.
        why: String,
    },
    /// This broker has less than its copies.
    #[error(
        "this broker has its {} up to {durable}, and {name} holds copies of them up to {held}: start it once with \
         `chukei-node broker --config FILE --adopt-copies`, so that nothing is written over them",
        .of.as_str()
    )]
    Ahead {
        /// Which entries.
        of: CopyOf,
        /// The broker that holds the copies.
        name: String,
        /// How far they go.
        held: u64,
        /// How far the own ones go.
        durable: u64,
    },
    /// This broker has another entry than the last that was copied: it has lost some, and was started since.
    #[error(
        "entry {number} of this broker's {} is not the one that {name} holds a copy of: entries were lost, and others \
         written since; see the runbook ChukeiRecordsNotCopied, so that nothing is written over them",
        .of.as_str()
    )]
    Differs {
        /// Which entries.
        of: CopyOf,
        /// The broker that holds the copies.
        name: String,
        /// The number of the last copy.
        number: u64,
    },
    /// The copies do not continue what there is.
    #[error("--adopt-copies: the copies of its {} do not continue entry {last} of this broker", .of.as_str())]
    Apart {
        /// Which entries.
        of: CopyOf,
        /// The last own one.
        last: u64,
    },
    /// This broker's journal refused or failed.
    #[error("--adopt-copies: journal: {}", .0.code())]
    Journal(#[from] JournalError),
}

/// Asks, and adopts where the configuration says so. Before anything is written to the journal.
pub(in crate::broker) async fn before_start(
    config: &BrokerConfig,
    clock: &Clock,
    credentials: &Arc<HopCredentials>,
    journal: &Arc<Journal>,
) -> Result<(), AdoptError> {
    let adopt = config.adopt_copies;
    let Some(other) = config.brokers.first() else {
        return if adopt { Err(AdoptError::Nobody) } else { Ok(()) };
    };
    let name = other.name.clone();
    let within = if adopt { ADOPTED_FROM_WITHIN } else { ASKED_WITHIN };
    let asking = async {
        let (endpoint, peer) = connect(&name, other.address, clock, credentials).await?;
        Ok::<_, String>((asked(&peer, clock).await.map_err(|error| error.to_string())?, endpoint, peer))
    };
    let (held, _endpoint, peer) = match tokio::time::timeout(within, asking).await {
        Ok(Ok(answer)) => answer,
        failed => {
            let why = failed.map_or_else(|_| "too late".to_owned(), |it| it.err().unwrap_or_default());
            if adopt {
                return Err(AdoptError::NotReached { name, why });
            }
            tracing::warn!(broker = name, why, "whether this broker has lost entries is not known");
            return Ok(());
        }
    };
    for (of, end) in CopyOf::ALL.into_iter().zip(held.ends) {
        let (held, durable) = (end.last, journal.last_number(places::own(of)));
        if held <= durable {
            if differs(journal, of, end).await? {
                return Err(AdoptError::Differs { of, name, number: held });
            }
            continue;
        }
        if !adopt {
            return Err(AdoptError::Ahead { of, name, held, durable });
        }
        let adopted = take(&Source { peer: &peer, clock, name: &name, of }, journal, durable).await?;
        tracing::warn!(
            broker = name,
            of = of.as_str(),
            from = durable + 1,
            up_to = adopted,
            "copies are adopted"
        );
    }
    Ok(())
}

async fn differs(journal: &Arc<Journal>, of: CopyOf, end: HeldEnd) -> Result<bool, JournalError> {
    let journal = journal.clone();
    let comparing = tokio::task::spawn_blocking(move || ends::differs(&journal, places::own(of), end));
    comparing.await.unwrap_or(Err(JournalError::Failed))
}

async fn connect(
    name: &str,
    address: std::net::SocketAddr,
    clock: &Clock,
    credentials: &Arc<HopCredentials>,
) -> Result<(ClientEndpoint, PeerConnection), String> {
    let endpoint = client_endpoint(([0, 0, 0, 0], 0).into()).map_err(|error| error.to_string())?;
    let identity = Identity::Broker(name.to_owned());
    let peer = endpoint.connect(credentials, clock, address, &identity).await;
    Ok((endpoint, peer.map_err(|error| error.to_string())?))
}

async fn asked(peer: &PeerConnection, clock: &Clock) -> Result<CopiesHeld, NotSent> {
    let mut open = opened(peer, clock.now_ms(), CopiesAsked::Keep).await?;
    let held = open.recv.read_message().await?;
    open.send.finish().await?;
    Ok(held)
}

/// Whence copies come.
struct Source<'a> {
    peer: &'a PeerConnection,
    clock: &'a Clock,
    name: &'a str,
    of: CopyOf,
}

impl Source<'_> {
    /// Hands over every copy from number `from` on, over as many streams as it takes.
    async fn bring(&self, mut from: u64, to: mpsc::Sender<Vec<CopiedEntry>>) -> Result<(), AdoptError> {
        loop {
            let before = from;
            match self.stream(&mut from, &to).await {
                Ok(()) => return Ok(()),
                // The stream's time is over, and it has brought something.
                Err(_) if from > before => {}
                Err(error) => {
                    return Err(AdoptError::NotReached {
                        name: self.name.to_owned(),
                        why: error.to_string(),
                    });
                }
            }
        }
    }

    async fn stream(&self, from: &mut u64, to: &mpsc::Sender<Vec<CopiedEntry>>) -> Result<(), NotSent> {
        let asked = CopiesAsked::Bring { of: self.of, from: *from };
        let mut open = opened(self.peer, self.clock.now_ms(), asked).await?;
        open.send.finish().await?;
        loop {
            let batch: CopyBatch = open.recv.read_message().await?;
            let Some(last) = batch.entries.last().map(|entry| entry.number) else { return Ok(()) };
            // Whoever writes them has failed, and says so.
            if to.send(batch.entries).await.is_err() {
                return Ok(());
            }
            *from = last + 1;
        }
    }
}

/// Takes back what is missing behind entry `durable`; the number of the last.
async fn take(source: &Source<'_>, journal: &Arc<Journal>, durable: u64) -> Result<u64, AdoptError> {
    let (send, mut brought) = mpsc::channel::<Vec<CopiedEntry>>(AHEAD);
    let partition = places::own(source.of);
    if durable > 0 {
        let bringing = source.bring(durable, send);
        let (brought, put) = tokio::join!(bringing, behind(journal, source.of, durable, &mut brought));
        brought?;
        return put;
    }
    let into = journal.clone();
    let importing = tokio::task::spawn_blocking(move || {
        let batches = std::iter::from_fn(|| brought.blocking_recv());
        into.import(partition, batches.flatten().map(|copy| Ok(entry(copy))), GivenUp::Retention)
    });
    let (brought, imported) = tokio::join!(source.bring(1, send), importing);
    let last = imported.unwrap_or(Err(JournalError::Failed))?;
    // Cut short, it is less than is held: the next start finds that out and goes on.
    brought?;
    Ok(last)
}

/// Appends copies behind what there is, once the first of them is seen to be the last of that.
async fn behind(
    journal: &Journal,
    of: CopyOf,
    durable: u64,
    brought: &mut mpsc::Receiver<Vec<CopiedEntry>>,
) -> Result<u64, AdoptError> {
    let partition = places::own(of);
    let apart = || AdoptError::Apart { of, last: durable };
    let own = journal.read(partition, durable).next().ok_or_else(apart)??;
    let mut last = 0;
    while let Some(copies) = brought.recv().await {
        let mut appending = Vec::with_capacity(copies.len());
        for copy in copies {
            if last == 0 {
                if entry(copy) != own {
                    return Err(apart());
                }
                last = durable;
                continue;
            }
            let CopiedEntry { number, kind, at_ms, sealed } = copy;
            if number != last + 1 {
                return Err(apart());
            }
            last = number;
            let partition = partition.to_owned();
            let append = journal.append(Entry { partition, kind, at_ms, replay: None, sealed });
            appending.push((number, append));
        }
        for (number, append) in appending {
            if append.await? != number {
                return Err(apart());
            }
        }
    }
    Ok(last)
}

fn entry(copy: CopiedEntry) -> JournalEntry {
    let CopiedEntry { number, kind, at_ms, sealed } = copy;
    JournalEntry { seq: number, at_ms, kind, replay: None, sealed }
}
