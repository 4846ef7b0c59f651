//! The portal as the receiver of permits: it follows each broker's roots, keeps them, and stops a broker at fault.

use chukei_crypto::permit::Epoch;
use chukei_relay_client::permit::{Evidence, EvidenceOf, PastEpochs, PermitFault, RootWitness};
use chukei_wire::message::control::PermitRoot;

use crate::core::Core;

impl RootWitness for Core {
    fn public(&self, broker: &str) -> Option<Vec<u8>> {
        self.peers.load().broker(broker).map(|broker| broker.permit_public.0.clone())
    }

    fn is_held(&self, broker: &str, now_ms: u64) -> bool {
        self.held_brokers.is_held(broker, now_ms)
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

/// Records what no broker will be asked for any more: the portal stops.
pub(crate) fn give_up(core: &Core) {
    for (epoch, permits) in core.past_permits.give_up_all() {
        tracing::warn!(broker = epoch.broker, permits, "permits stay without a signed root");
        keep(core, &epoch, EvidenceOf::Unproven(permits as u64));
    }
}
