//! One authenticated connection: its permits, and how often it misbehaved.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use chukei_relay_client::connection::{CloseCode, ConnectionError, PeerConnection};
use chukei_relay_client::permit::{PermitIssuer, PermitSession};

use crate::broker::routes::Reachable;
use crate::broker::witness::HeadRate;

/// Malformed requests after which a peer is dropped.
const MISUSE_MAX: u32 = 16;

/// A connected node or portal.
pub(super) struct Peer {
    /// The connection.
    pub(super) connection: PeerConnection,
    /// Issues what this peer is permitted.
    pub(super) permits: Arc<PermitIssuer>,
    /// Whether the peer follows the roots over its permits.
    pub(super) follows: AtomicBool,
    /// How many heads of logs it has shown lately.
    pub(super) heads: HeadRate,
    misuse: AtomicU32,
}

impl Peer {
    /// Takes a fresh connection over, for the broker of this name.
    pub(super) fn new(connection: PeerConnection, broker: &str) -> Result<Self, ConnectionError> {
        let session = PermitSession::of(&connection)?;
        let permits = Arc::new(PermitIssuer::new(session, broker, &connection.identity().to_string()));
        Ok(Self {
            connection,
            permits,
            follows: AtomicBool::new(false),
            heads: HeadRate::default(),
            misuse: AtomicU32::new(0),
        })
    }

    /// The peer sent what no version of the protocol allows. It may have been a slip; often, it is not.
    pub(super) fn misused(&self) {
        if self.misuse.fetch_add(1, Ordering::Relaxed) + 1 >= MISUSE_MAX {
            tracing::warn!(peer = %self.connection.identity(), "dropped after repeated misuse");
            self.connection.close(CloseCode::Misbehaved);
        }
    }
}

impl Reachable for Peer {
    fn id(&self) -> usize {
        self.connection.id()
    }

    fn name(&self) -> &str {
        self.connection.identity().name()
    }

    fn is_live(&self) -> bool {
        !self.connection.is_closed()
    }
}
