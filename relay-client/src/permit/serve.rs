//! The broker's stream of roots: what waits is gathered for a moment, signed, kept and sent.
//!
//! What must hold: a permit's root is on its way within 100 ms; nothing is sent or woken while nothing is permitted;
//! a stream that is asked to end brings the last permits first.

use std::time::Duration;

use chukei_crypto::permit::Epoch;
use chukei_crypto::sign::SigningKey;
use chukei_wire::frame::Outcome;
use chukei_wire::limits::ROOT_EPOCHS_MAX;
use chukei_wire::message::control::{PermitRoot, RootsWanted, WantedEpoch};
use chukei_wire::result::ResultName;
use tokio::time::Instant;

use super::issuer::PermitIssuer;
use crate::session::{AcceptedRequest, SessionError};
use crate::stream::{RecvHalf, SendHalf};

/// How long permits are gathered under one root.
pub const GATHER: Duration = Duration::from_millis(50);
/// How long a receiver may take to accept what is sent.
const WRITE_WAIT: Duration = Duration::from_secs(10);
/// A stream that lives as long as its connection.
pub(super) const ALWAYS: Duration = Duration::from_secs(10 * 365 * 24 * 3_600);

/// What a broker does with its roots, and has of earlier ones.
pub trait RootKeeper: Sync {
    /// Signs them.
    fn key(&self) -> &SigningKey;
    /// Keeps one that was just made, before it is sent. Must not wait.
    fn keep(&self, epoch: &Epoch, root: &PermitRoot);
    /// The roots of an earlier epoch with the receiver of this identity, as far as they are at hand.
    fn earlier(&self, receiver: &str, wanted: &WantedEpoch) -> Vec<PermitRoot>;
}

/// Serves a receiver's request for roots until the connection ends, or `last` resolves and the last ones are with
/// the receiver.
pub async fn serve_roots(
    issuer: &PermitIssuer,
    keeper: &impl RootKeeper,
    mut request: AcceptedRequest,
    last: impl Future<Output = ()>,
) -> Result<(), SessionError> {
    let wanted: RootsWanted = request.recv.read_message().await?;
    if wanted.epochs.len() > ROOT_EPOCHS_MAX {
        return request.end_with(Outcome::Refused(ResultName::BadFormat)).await;
    }
    request.put_status(Outcome::Answered).await?;
    request.send.flush().await?;
    request.set_deadline(Instant::now() + ALWAYS);
    let AcceptedRequest { mut send, mut recv, .. } = request;
    for epoch in &wanted.epochs {
        for root in keeper.earlier(&issuer.epoch().receiver, epoch) {
            write(&mut send, &root).await?;
        }
    }
    tokio::select! {
        sent = send_all(issuer, keeper, &mut send, last) => sent,
        read = hear(&mut recv) => read,
    }
}

async fn send_all(
    issuer: &PermitIssuer,
    keeper: &impl RootKeeper,
    send: &mut SendHalf,
    last: impl Future<Output = ()>,
) -> Result<(), SessionError> {
    let mut last = std::pin::pin!(last);
    let mut ending = false;
    while !ending {
        tokio::select! {
            () = &mut last => ending = true,
            () = issuer.waiting() => {
                tokio::select! {
                    () = &mut last => ending = true,
                    () = tokio::time::sleep(GATHER) => {}
                }
            }
        }
        while let Some(root) = issuer.next_root(keeper.key()) {
            keeper.keep(issuer.epoch(), &root);
            write(send, &root).await?;
        }
    }
    send.set_deadline(Instant::now() + WRITE_WAIT);
    send.finish().await?;
    Ok(send.finished_ack().await?)
}

async fn write(send: &mut SendHalf, root: &PermitRoot) -> Result<(), SessionError> {
    send.set_deadline(Instant::now() + WRITE_WAIT);
    Ok(send.write_message(root).await?)
}

/// A receiver that misses a root says so. The root is on its way in any case: hearing of it is what tells the
/// receiver that the broker is there.
async fn hear(recv: &mut RecvHalf) -> Result<(), SessionError> {
    while recv.next_message::<RootsWanted>().await?.is_some() {}
    Ok(())
}
