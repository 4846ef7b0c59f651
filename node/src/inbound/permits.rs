//! The node as the receiver of permits: it follows each broker's roots, keeps them, and stops a broker at fault.
//!
//! What must hold: a broker whose roots are not followed is not used; one at fault alarms, loses its connection and
//! is held off (R35), while the other brokers serve on.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use chukei_crypto::permit::Epoch;
use chukei_relay_client::connection::PeerConnection;
use chukei_relay_client::dial::HookFailed;
use chukei_relay_client::holds::Holds;
use chukei_relay_client::permit::{self, EvidenceOf, PastEpochs, PermitFault, PermitReceiver, RootWitness};
use chukei_wire::identity::Identity;
use chukei_wire::message::control::PermitRoot;
use tokio::time::Instant;

use crate::app::Node;
use crate::evidence::PermitEvidence;
use crate::inbound::hop::BrokerHop;

/// How often a stop looks whether everything is proven.
const LOOK: Duration = Duration::from_millis(20);

/// What the node knows of its brokers' permits.
pub struct Permits {
    evidence: PermitEvidence,
    past: PastEpochs,
    held: Holds<String>,
    /// Connections that are followed.
    live: Mutex<Vec<Weak<PermitReceiver>>>,
}

impl Permits {
    /// Nothing yet; a broker at fault is held off for `hold_ms` milliseconds.
    pub fn new(evidence: PermitEvidence, hold_ms: u64) -> Self {
        Self { evidence, past: PastEpochs::default(), held: Holds::new(hold_ms), live: Mutex::default() }
    }

    /// Waits until every permit is under a root, at most for `within`.
    pub async fn settle(&self, within: Duration) {
        let deadline = Instant::now() + within;
        let open = || self.live().iter().filter_map(Weak::upgrade).any(|permits| permits.uncovered() > 0);
        while open() && Instant::now() < deadline {
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Records what no broker will be asked for any more: the node stops.
    pub fn give_up(&self) {
        for (epoch, permits) in self.past.give_up_all() {
            self.keep_unproven(&epoch, permits);
        }
    }

    fn keep_unproven(&self, epoch: &Epoch, permits: usize) {
        tracing::warn!(broker = epoch.broker, permits, "permits stay without a signed root");
        self.evidence.keep(epoch, EvidenceOf::Unproven(permits as u64));
    }

    fn live(&self) -> MutexGuard<'_, Vec<Weak<PermitReceiver>>> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RootWitness for Node {
    fn public(&self, broker: &str) -> Option<Vec<u8>> {
        self.peers().broker(broker).map(|broker| broker.permit_public.0.clone())
    }

    fn is_held(&self, broker: &str, now_ms: u64) -> bool {
        self.permits.held.is_held(broker, now_ms)
    }

    fn proven(&self, epoch: &Epoch, root: PermitRoot) {
        self.permits.evidence.keep(epoch, EvidenceOf::Root(root));
    }

    fn unproven(&self, epoch: &Epoch, permits: usize) {
        self.metrics.permits_unproven.inc_by(permits as u64);
        self.permits.keep_unproven(epoch, permits);
    }

    fn stopped(&self, epoch: &Epoch, fault: PermitFault) {
        self.permits.held.hold(epoch.broker.clone(), self.clock.now_ms());
        self.metrics.alarm(fault.as_str(), &"-");
        tracing::error!(broker = epoch.broker, %fault, "INTEGRITY_STOP: the broker's connection is stopped");
        self.permits.evidence.keep(epoch, EvidenceOf::Stopped(fault.as_str().to_owned()));
    }

    fn past(&self) -> &PastEpochs {
        &self.permits.past
    }
}

/// Takes a fresh connection to a broker into use, unless the broker is held off.
pub async fn follow_broker(node: &Arc<Node>, connection: &PeerConnection) -> Result<BrokerHop, HookFailed> {
    let own = Identity::Node(node.name.clone()).to_string();
    let permits = permit::follow_broker(node, connection, &own, node.clock.now_ms()).await?;
    let mut live = node.permits.live();
    live.retain(|permits| permits.strong_count() > 0);
    live.push(Arc::downgrade(&permits));
    drop(live);
    Ok(BrokerHop::new(permits))
}
