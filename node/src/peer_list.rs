//! What a look at the signed peer list means to either role (R24): a fault is logged once, and tampering alarms.

use chukei_relay_client::peers::{Look, PeerListError};

use crate::telemetry::metrics::Metrics;

/// Reports what a look has found.
pub fn report(look: &Look, metrics: &Metrics) {
    match look {
        Look::Same => {}
        Look::Read(_) => tracing::info!("another peer list is in force"),
        Look::Fault(fault) => {
            tracing::error!(%fault, "the peer list on disk is not usable");
            if matches!(fault, PeerListError::Tampered | PeerListError::Malformed) {
                metrics.alarm("config_tampered", &"peers");
            }
        }
    }
}
