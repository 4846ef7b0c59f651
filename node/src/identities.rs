//! The node follows the signed peer list: channels of removed identities end, its bodies' own identities turn.
//!
//! What must hold: both within a second of the new list. Deliberately absent: who decides about identities; the
//! list's offline root does.

use std::ops::ControlFlow;
use std::sync::Arc;

use chukei_relay_client::identity_keys::SETTLING;
use chukei_relay_client::peers::Look;

use crate::app::Node;
use crate::peer_list::report;

/// Follows the list until the node stops.
pub async fn follow(node: Arc<Node>) {
    let heeded = |look| {
        heed(&node, &look);
        if node.is_draining() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    node.watched_peers.watch(&node.clock, heeded).await;
}

fn heed(node: &Node, look: &Look) {
    if let Look::Read(list) = look {
        node.channels.enforce(Arc::clone(list));
        // By then the brokers have read it, too.
        node.announcements.want(SETTLING);
    }
    let list = node.peers();
    for body in node.bodies.iter() {
        let listed = list.body(&body.code()).map(|peer| &peer.identities);
        if body.identity_keys().refresh(listed) {
            tracing::info!(body = %body.code(), "another identity is in use");
            node.announcements.want(std::time::Duration::ZERO);
        }
    }
    node.metrics.show_channels(&node.channels);
    // Last: who reads of it finds it done.
    report(look, &node.metrics);
}
