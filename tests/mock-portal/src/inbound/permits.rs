//! The portal as the receiver of permits: it follows each broker's roots, keeps them, and stops a broker at fault.

use std::sync::Arc;

use chukei_crypto::permit::Epoch;
use chukei_relay_client::connection::PeerConnection;
use chukei_relay_client::dial::HookFailed;
use chukei_relay_client::permit::{
    Evidence, EvidenceOf, PastEpochs, PermitFault, PermitReceiver, RootWitness, follow, open_roots,
};
use chukei_wire::identity::Identity;
use chukei_wire::message::control::PermitRoot;

use crate::core::Core;

impl RootWitness for Core {
    fn public(&self, broker: &str) -> Option<Vec<u8>> {
        self.peers.load().broker(broker).map(|broker| broker.permit_public.0.clone())
    }

    fn proven(&self, epoch: &Epoch, root: PermitRoot) {
        keep(self, epoch, EvidenceOf::Root(root));
    }

    fn unproven(&self, epoch: &Epoch, permits: usize) {
        self.metrics.permits_unproven.inc_by(permits as u64);
        tracing::warn!(broker = epoch.broker, permits, "permits stay without a signed root");
        keep(self, epoch, EvidenceOf::Unproven(permits as u64));
    }

    fn stopped(&self, epoch: &Epoch, fault: PermitFault) {
        self.held_brokers.hold(epoch.broker.clone(), self.clock.now_ms());
        self.metrics.alarm(fault.as_str(), &"-");
        tracing::error!(broker = epoch.broker, %fault, "INTEGRITY_STOP: the broker's connection is stopped");
        keep(self, epoch, EvidenceOf::Stopped(fault.as_str().to_owned()));
    }

    fn past(&self) -> &PastEpochs {
        &self.past_permits
    }
}

/// Nobody waits for evidence to be durable: it goes with the next group that the journal syncs.
fn keep(core: &Core, epoch: &Epoch, of: EvidenceOf) {
    let kept = core.vault.keep_evidence(&Evidence::new(epoch, of), core.clock.now_ms());
    tokio::spawn(async move {
        let kept = match kept {
            Ok(kept) => kept.await.map(|_| ()).map_err(Into::into),
            Err(error) => Err(error),
        };
        if let Err(error) = kept {
            tracing::error!(%error, "evidence of permits was not kept");
        }
    });
}

/// Takes a fresh connection to a broker into use, unless the broker is held off.
pub(super) async fn follow_broker(
    core: &Arc<Core>,
    connection: &PeerConnection,
) -> Result<Arc<PermitReceiver>, HookFailed> {
    let broker = connection.identity().name();
    let now_ms = core.clock.now_ms();
    if core.held_brokers.is_held(broker, now_ms) {
        tracing::info!(broker, "held off after a fault in its permits");
        return Err(HookFailed);
    }
    if core.public(broker).is_none() {
        tracing::warn!(broker, "not in the peer list");
        return Err(HookFailed);
    }
    let refused = |error: &dyn std::fmt::Display| {
        tracing::warn!(broker, %error, "its roots cannot be followed");
        HookFailed
    };
    let own = Identity::Portal(core.name.clone()).to_string();
    let permits = Arc::new(PermitReceiver::new(connection, &own).map_err(|error| refused(&error))?);
    let roots = open_roots(&permits, core.past(), now_ms).await.map_err(|error| refused(&error))?;
    tokio::spawn(follow(permits.clone(), roots, core.clone()));
    Ok(permits)
}

/// Records what no broker will be asked for any more: the portal stops.
pub(crate) fn give_up(core: &Core) {
    for (epoch, permits) in core.past_permits.give_up_all() {
        tracing::warn!(broker = epoch.broker, permits, "permits stay without a signed root");
        keep(core, &epoch, EvidenceOf::Unproven(permits as u64));
    }
}
