//! The portal follows the signed peer list: channels of removed identities end, its own identity turns.

use std::ops::ControlFlow;
use std::sync::{Arc, Weak};

use chukei_relay_client::peers::{Look, PeerListError};

use crate::core::Core;

/// Follows the list for as long as the portal lives.
pub(crate) async fn follow(core: Weak<Core>) {
    let Some((peers, clock)) = core.upgrade().map(|core| (Arc::clone(&core.peers), core.clock.clone()))
    else {
        return;
    };
    let heeded = |look| match core.upgrade() {
        Some(core) => {
            heed(&core, &look);
            ControlFlow::Continue(())
        }
        None => ControlFlow::Break(()),
    };
    peers.watch(&clock, heeded).await;
}

fn heed(core: &Core, look: &Look) {
    match look {
        Look::Same => {}
        Look::Read(list) => {
            core.channels.enforce(Arc::clone(list));
            tracing::info!("another peer list is in force");
        }
        Look::Fault(fault) => {
            tracing::error!(%fault, "the peer list on disk is not usable");
            if matches!(fault, PeerListError::Tampered | PeerListError::Malformed) {
                core.metrics.alarm("config_tampered", &"peers");
            }
        }
    }
    core.channels.expire(core.clock.now_ms());
    let list = core.peers.load();
    if core.identity.refresh(list.portal(&core.name).map(|own| &own.identities)) {
        tracing::info!("another identity is in use");
    }
}
