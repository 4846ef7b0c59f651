//! The receiver follows its broker's roots: one stream and one task for each connection.
//!
//! What must hold: a permit that stays without a root for two seconds, a root that contradicts it, and a chain with
//! a gap or a fork stop the connection (R35). Time is counted in ticks in which this process lived: one that stood
//! still does not accuse its broker. Nor does it accuse a broker that nothing is heard of at all, as after a crash
//! or a cut line: before it decides, it asks, and what does not even acknowledge that is lost, not lying.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use chukei_crypto::permit::Epoch;
use chukei_crypto::random::RandomError;
use chukei_wire::frame::Outcome;
use chukei_wire::header::{Header, Hop, Kind};
use chukei_wire::message::control::{PermitRoot, RootsWanted};
use tokio::time::{Instant, MissedTickBehavior};

use super::ledger::PermitFault;
use super::past::PastEpochs;
use super::receiver::PermitReceiver;
use super::serve::ALWAYS;
use crate::connection::CloseCode;
use crate::request_id;
use crate::session::{OpenRequest, SessionError, open_request};
use crate::stream::{RecvHalf, SendHalf, StreamError};

/// Length of a tick.
const TICK: Duration = Duration::from_millis(100);
/// Ticks after which a permit's root is asked for.
const ASK_AFTER: u64 = 5;
/// Ticks after which a permit without a root stops the connection: two seconds, counted from the tick before it.
const STOP_AFTER: u64 = 19;
/// Ticks that a broker has which was silent when it was asked, from when it is heard again.
const HEARD_FOR: u64 = 5;
/// Ticks in which a broker brings what is missing of earlier epochs.
const EARLIER_WITHIN: u64 = 50;
/// How long the broker may take to open its side.
const OPEN_MS: u32 = 10_000;
/// How long roots that have arrived are read after the connection's end.
const REST: Duration = Duration::from_secs(1);

/// What a role does with what is found.
pub trait RootWitness: Send + Sync + 'static {
    /// Ed25519 public key of the broker's roots, from the peer list in force; `None` where it is not listed.
    fn public(&self, broker: &str) -> Option<Vec<u8>>;
    /// Whether the broker is held off after a fault, at this time in Unix milliseconds.
    fn is_held(&self, broker: &str, now_ms: u64) -> bool;
    /// Keeps a root that was verified. Must not wait.
    fn proven(&self, epoch: &Epoch, root: PermitRoot);
    /// So many permits of an epoch stay without a root: their broker did not bring it when it was back.
    fn unproven(&self, epoch: &Epoch, permits: usize);
    /// The broker is at fault: alarms, and holds it off (R35). The connection is closed behind this.
    fn stopped(&self, epoch: &Epoch, fault: PermitFault);
    /// What is still expected of brokers.
    fn past(&self) -> &PastEpochs;
}

/// Why a broker's roots cannot be followed.
#[derive(Debug, thiserror::Error)]
pub enum NotFollowed {
    /// The exchange failed.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// The broker does not send any.
    #[error("refused: {0:?}")]
    Refused(Outcome),
    /// No request id could be drawn.
    #[error(transparent)]
    Random(#[from] RandomError),
}

/// How following a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Followed {
    /// The broker was at fault.
    Stopped(PermitFault),
    /// Nothing was heard of the broker while permits were without a root.
    Silent,
    /// The broker does not stand in the peer list any more.
    Unlisted,
    /// The connection ended otherwise.
    Ended,
}

/// Asks the broker for its roots; to be done before the connection is used.
pub async fn open_roots(
    receiver: &PermitReceiver,
    past: &PastEpochs,
    now_ms: u64,
) -> Result<OpenRequest, NotFollowed> {
    let header = Header::hop(Kind::PermitRoots, None, request_id::fresh(now_ms)?, OPEN_MS);
    let mut request = open_request(receiver.connection(), &header, &Hop::default()).await?;
    let wanted = RootsWanted { epochs: past.wanted(receiver.broker()) };
    request.send.write_message(&wanted).await.map_err(SessionError::from)?;
    match request.read_status().await? {
        Outcome::Answered => {}
        refused => return Err(NotFollowed::Refused(refused)),
    }
    request.send.set_deadline(Instant::now() + ALWAYS);
    request.recv.set_deadline(Instant::now() + ALWAYS);
    Ok(request)
}

/// Follows the connection to its end.
pub async fn follow(
    receiver: Arc<PermitReceiver>,
    roots: OpenRequest,
    witness: Arc<impl RootWitness>,
) -> Followed {
    let OpenRequest { send, mut recv, .. } = roots;
    let connection = receiver.connection().clone();
    let mut reading = pin!(read(&receiver, &mut recv, &*witness));
    let mut watching = pin!(watch(&receiver, send, &*witness));
    let mut more = true;
    let followed = loop {
        tokio::select! {
            read = &mut reading, if more => match read {
                Err(fault) => break Followed::Stopped(fault),
                Ok(()) => more = false,
            },
            fault = receiver.faulted() => break Followed::Stopped(fault),
            followed = &mut watching => break followed,
            _ = connection.closed() => {
                let rest = async { if more { reading.await } else { Ok(()) } };
                break match tokio::time::timeout(REST, rest).await {
                    Ok(Err(fault)) => Followed::Stopped(fault),
                    _ => Followed::Ended,
                };
            }
        }
    };
    end(&receiver, &*witness, followed);
    followed
}

fn end(receiver: &PermitReceiver, witness: &impl RootWitness, followed: Followed) {
    let ledger = receiver.with_ledger(|ledger| ledger.clone());
    match followed {
        Followed::Stopped(fault) => {
            receiver.stop(fault);
            witness.stopped(ledger.epoch(), fault);
            receiver.connection().close(CloseCode::IntegrityStop);
        }
        Followed::Silent | Followed::Unlisted | Followed::Ended => {
            if followed != Followed::Ended {
                tracing::warn!(broker = receiver.broker(), ?followed, "connection given up");
                let unlisted = followed == Followed::Unlisted;
                let code = if unlisted { CloseCode::NotPermitted } else { CloseCode::Shutdown };
                receiver.connection().close(code);
            }
            let given_up = if ledger.uncovered() > 0 { witness.past().end(ledger) } else { None };
            if let Some(ledger) = given_up {
                witness.unproven(ledger.epoch(), ledger.uncovered());
            }
        }
    }
}

/// Takes roots in until one shows a fault. A stream that ends otherwise is not a fault by itself: what it should
/// have brought will be missing.
async fn read(
    receiver: &PermitReceiver,
    recv: &mut RecvHalf,
    witness: &impl RootWitness,
) -> Result<(), PermitFault> {
    loop {
        match recv.next_message::<PermitRoot>().await {
            Ok(Some(root)) => take(receiver, root, witness)?,
            Ok(None) => return Ok(()),
            Err(error) => {
                tracing::debug!(broker = receiver.broker(), %error, "no more roots");
                return Ok(());
            }
        }
    }
}

fn take(receiver: &PermitReceiver, root: PermitRoot, witness: &impl RootWitness) -> Result<(), PermitFault> {
    // Who was struck off the list is dealt with at the next tick.
    let Some(public) = witness.public(receiver.broker()) else { return Ok(()) };
    let tick = receiver.tick();
    let current = receiver.with_ledger(|ledger| {
        let own = ledger.epoch().id == root.epoch;
        own.then(|| ledger.cover(&root, &public, tick).map(|_| ledger.epoch().clone())).transpose()
    })?;
    let epoch = match current {
        Some(epoch) => Some(epoch),
        None => witness.past().cover(receiver.broker(), &root, &public)?,
    };
    if let Some(epoch) = epoch {
        witness.proven(&epoch, root);
    }
    Ok(())
}

/// Whether the broker was heard since it was asked.
#[derive(Clone, Copy)]
struct Asked {
    /// Datagrams received until then.
    received: u64,
    /// The tick in which more had come.
    heard: Option<u64>,
}

async fn watch(receiver: &PermitReceiver, mut send: SendHalf, witness: &impl RootWitness) -> Followed {
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut asked: Option<Asked> = None;
    loop {
        ticks.tick().await;
        let tick = receiver.count_tick();
        if witness.public(receiver.broker()).is_none() {
            return Followed::Unlisted;
        }
        if tick == EARLIER_WITHIN {
            for ledger in witness.past().give_up(receiver.broker()) {
                witness.unproven(ledger.epoch(), ledger.uncovered());
            }
        }
        let Some(oldest) = receiver.with_ledger(|ledger| ledger.oldest()) else {
            asked = None;
            continue;
        };
        let age = tick.saturating_sub(oldest);
        if age < ASK_AFTER {
            asked = None;
            continue;
        }
        let received = receiver.connection().datagrams_received();
        let known = match asked {
            Some(known) => known,
            None => {
                let refused = ask(receiver, &mut send).await;
                Asked { received, heard: refused.then_some(tick) }
            }
        };
        let heard = known.heard.or((received > known.received).then_some(tick));
        asked = Some(Asked { heard, ..known });
        if age >= STOP_AFTER {
            match heard {
                None => return Followed::Silent,
                Some(since) if tick - since >= HEARD_FOR => return Followed::Stopped(PermitFault::Withheld),
                Some(_) => {}
            }
        }
    }
}

/// Says what is missing. Whether the message arrives shows in what comes back, not here; but a broker that refuses to
/// hear it has been heard itself, and then this is true.
async fn ask(receiver: &PermitReceiver, send: &mut SendHalf) -> bool {
    let wanted = RootsWanted { epochs: vec![receiver.with_ledger(|ledger| ledger.wanted())] };
    send.set_deadline(Instant::now() + TICK);
    match send.write_message(&wanted).await {
        Ok(()) => false,
        Err(error) => {
            tracing::debug!(broker = receiver.broker(), %error, "not asked for a root");
            matches!(error, StreamError::Stopped(_))
        }
    }
}
