//! Signed roots over the permits of each connection (R22): made, kept in the journal, sent; those of connections
//! that have gone are kept for a while for a receiver that comes back.
//!
//! What must hold: every permit comes under a root, also when its connection goes first or the broker stops; one
//! stream for each connection. Deliberately absent: roots of before a crash, whose leaves went with the process.

use std::collections::VecDeque;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chukei_crypto::permit::Epoch;
use chukei_crypto::sign::SigningKey;
use chukei_relay_client::connection::CloseCode;
use chukei_relay_client::permit::{EvidenceOf, PermitIssuer, RootKeeper, serve_roots};
use chukei_relay_client::session::AcceptedRequest;
use chukei_wire::frame::Outcome;
use chukei_wire::message::control::{PermitRoot, WantedEpoch};
use chukei_wire::result::ResultName;
use tokio::sync::watch;

use crate::broker::Broker;
use crate::broker::peer::Peer;
use crate::evidence::PermitEvidence;

/// Epochs remembered of connections that have gone, at most 2 MiB each.
const EARLIER_MAX: usize = 64;

/// Key, evidence and memory of roots.
pub(super) struct Roots {
    key: SigningKey,
    evidence: PermitEvidence,
    earlier: Mutex<VecDeque<Arc<PermitIssuer>>>,
    /// True when the broker stops and only the last roots are left to send. Each open stream holds a receiver.
    last: watch::Sender<bool>,
}

impl Roots {
    pub(super) fn new(key: SigningKey, evidence: PermitEvidence) -> Self {
        Self { key, evidence, earlier: Mutex::default(), last: watch::channel(false).0 }
    }

    /// A connection has gone: what it issued is brought under a root, and remembered.
    pub(super) fn end(&self, permits: &Arc<PermitIssuer>) {
        permits.close();
        while let Some(root) = permits.next_root(&self.key) {
            self.keep(permits.epoch(), &root);
        }
        if permits.has_roots() {
            let mut earlier = self.earlier_epochs();
            earlier.push_back(permits.clone());
            if earlier.len() > EARLIER_MAX {
                earlier.pop_front();
            }
        }
    }

    /// Sends the last roots of every connection; returns when the receivers have them, or after `within`.
    pub(super) async fn send_last(&self, within: Duration) {
        self.last.send_replace(true);
        if tokio::time::timeout(within, self.last.closed()).await.is_err() {
            tracing::warn!(
                streams = self.last.receiver_count(),
                "not every receiver has taken its last roots"
            );
        }
    }

    fn earlier_epochs(&self) -> MutexGuard<'_, VecDeque<Arc<PermitIssuer>>> {
        self.earlier.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RootKeeper for Roots {
    fn key(&self) -> &SigningKey {
        &self.key
    }

    fn keep(&self, epoch: &Epoch, root: &PermitRoot) {
        self.evidence.keep(epoch, EvidenceOf::Root(root.clone()));
    }

    fn earlier(&self, receiver: &str, wanted: &WantedEpoch) -> Vec<PermitRoot> {
        let earlier = self.earlier_epochs();
        let found = earlier.iter().find(|permits| {
            let epoch = permits.epoch();
            epoch.id == wanted.epoch && epoch.receiver == receiver
        });
        found.map(|permits| permits.roots_after(wanted.covered)).unwrap_or_default()
    }
}

/// Serves a receiver's request for the roots over its permits.
pub(super) async fn serve(broker: &Broker, peer: &Peer, mut request: AcceptedRequest) {
    if peer.follows.swap(true, Ordering::Relaxed) {
        peer.misused();
        let refused = Outcome::Refused(ResultName::NotPermitted);
        // Whether it hears the refusal is the peer's matter.
        drop(request.end_with(refused).await);
        return;
    }
    // Says that this stream is open, until the last root is with the receiver.
    let open = broker.roots.last.subscribe();
    let mut stop = open.clone();
    let last = async move {
        // The sender lives as long as the broker.
        let _ = stop.wait_for(|last| *last).await;
    };
    let served = serve_roots(&peer.permits, &broker.roots, request, last).await;
    drop(open);
    if let Err(error) = served {
        tracing::debug!(peer = %peer.connection.identity(), %error, "roots are not taken any more");
        // Who follows no roots could not prove anything, and would stop for it.
        peer.connection.close(CloseCode::Misbehaved);
    }
}
