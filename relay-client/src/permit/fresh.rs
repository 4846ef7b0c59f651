//! A fresh connection to a broker is used only once its roots are followed, and not at all while the broker is held
//! off after a fault (R35).

use std::sync::Arc;

use super::follow::{RootWitness, follow, open_roots};
use super::receiver::PermitReceiver;
use crate::connection::PeerConnection;
use crate::dial::HookFailed;

/// Takes a fresh connection to a broker into use for the receiver of the identity `own`; its roots are followed by a
/// task of their own until it ends.
pub async fn follow_broker(
    witness: &Arc<impl RootWitness>,
    connection: &PeerConnection,
    own: &str,
    now_ms: u64,
) -> Result<Arc<PermitReceiver>, HookFailed> {
    let broker = connection.identity().name();
    if witness.is_held(broker, now_ms) {
        tracing::info!(broker, "held off after a fault in its permits");
        return Err(HookFailed);
    }
    if witness.public(broker).is_none() {
        tracing::warn!(broker, "not in the peer list");
        return Err(HookFailed);
    }
    let refused = |error: &dyn std::fmt::Display| {
        tracing::warn!(broker, %error, "its roots cannot be followed");
        HookFailed
    };
    let permits = Arc::new(PermitReceiver::new(connection, own).map_err(|error| refused(&error))?);
    let roots = open_roots(&permits, witness.past(), now_ms).await.map_err(|error| refused(&error))?;
    tokio::spawn(follow(permits.clone(), roots, witness.clone()));
    Ok(permits)
}
