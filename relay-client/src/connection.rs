//! One connection to an authenticated peer.
//!
//! What must hold: the peer's identity never changes while the connection lives; no stream begins once the
//! certificate of either side is over, even on a connection that is already open (R20).

use std::sync::Arc;

use chukei_wire::identity::Identity;
use quinn::VarInt;
use rustls::pki_types::CertificateDer;
use tokio::time::Instant;

use crate::clock::Clock;
use crate::stream::{HEAD_WAIT, RecvHalf, SendHalf};
use crate::tls::{BadCertificate, CertificateFacts};

/// Why a connection was closed, as the other side sees it (RFC 9000, 19.19).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum CloseCode {
    /// The role stops, or has no more use for the connection.
    Shutdown = 0,
    /// A certificate is over (R20).
    CertificateOver = 1,
    /// The peer has no right to be here.
    NotPermitted = 2,
    /// The peer broke the protocol.
    Misbehaved = 3,
    /// A mismatch was found; nothing more is exchanged on this connection (R35).
    IntegrityStop = 4,
}

impl CloseCode {
    pub(crate) fn to_varint(self) -> VarInt {
        VarInt::from_u32(u32::from(self as u8))
    }
}

/// Why a connection is not, or no longer, usable.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConnectionError {
    /// The certificate of one side is over (R20).
    #[error("a certificate is over")]
    CertificateOver,
    /// The peer's certificate says no single identity.
    #[error(transparent)]
    Identity(#[from] BadCertificate),
    /// No stream could be opened before the deadline: too many are in flight.
    #[error("no stream before the deadline")]
    Deadline,
    /// The peer closed with this code; see [`CloseCode`].
    #[error("closed by the peer with code {0}")]
    ClosedByPeer(u64),
    /// Closed by this side.
    #[error("closed by this side")]
    ClosedHere,
    /// The peer fell silent.
    #[error("the peer fell silent")]
    TimedOut,
    /// TLS or transport refused: a certificate, protocol or transport error of this code (RFC 9000, 20.1).
    #[error("transport error {0:#x}")]
    Transport(u64),
    /// The peer lost the state of the connection, or speaks another version.
    #[error("the connection was lost")]
    Lost,
}

impl From<quinn::ConnectionError> for ConnectionError {
    fn from(error: quinn::ConnectionError) -> Self {
        use quinn::ConnectionError as Quinn;
        match error {
            Quinn::ApplicationClosed(close) => Self::ClosedByPeer(close.error_code.into_inner()),
            Quinn::LocallyClosed => Self::ClosedHere,
            Quinn::TimedOut => Self::TimedOut,
            Quinn::TransportError(error) => Self::Transport(error.code.into()),
            Quinn::ConnectionClosed(close) => Self::Transport(close.error_code.into()),
            Quinn::Reset | Quinn::VersionMismatch | Quinn::CidsExhausted => Self::Lost,
        }
    }
}

/// A connection whose peer has proved its identity. Cheap to clone; clones are the same connection.
#[derive(Clone, Debug)]
pub struct PeerConnection {
    connection: quinn::Connection,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    peer: CertificateFacts,
    own_end_ms: u64,
    clock: Clock,
}

impl PeerConnection {
    /// Reads the identity from the certificate that the handshake has verified.
    pub(crate) fn new(
        connection: quinn::Connection,
        clock: Clock,
        own_end_ms: u64,
    ) -> Result<Self, ConnectionError> {
        let chain = connection
            .peer_identity()
            .and_then(|identity| identity.downcast::<Vec<CertificateDer<'static>>>().ok())
            .ok_or(BadCertificate::Malformed)?;
        let peer = CertificateFacts::from_der(chain.first().ok_or(BadCertificate::Malformed)?)?;
        Ok(Self { connection, shared: Arc::new(Shared { peer, own_end_ms, clock }) })
    }

    /// Who the peer is.
    pub fn identity(&self) -> &Identity {
        &self.shared.peer.identity
    }

    /// Tells this connection from every other of the process.
    pub fn id(&self) -> usize {
        self.connection.stable_id()
    }

    /// Whether the certificates of both sides are valid at this time (Unix milliseconds).
    pub fn still_valid(&self, now_ms: u64) -> bool {
        now_ms <= self.shared.peer.not_after_ms.min(self.shared.own_end_ms)
    }

    /// Key material that only the two ends of this connection have (RFC 8446, 7.5).
    pub fn export_key(
        &self,
        label: &[u8],
        context: &[u8],
    ) -> Result<zeroize::Zeroizing<[u8; 32]>, ConnectionError> {
        let mut key = zeroize::Zeroizing::new([0; 32]);
        self.connection
            .export_keying_material(key.as_mut(), label, context)
            .map_err(|_| ConnectionError::Lost)?;
        Ok(key)
    }

    /// Opens a stream; both halves are bound to `deadline`. The peer hears of it with the first write.
    pub async fn open(&self, deadline: Instant) -> Result<(SendHalf, RecvHalf), ConnectionError> {
        self.check_validity()?;
        let (send, recv) = tokio::time::timeout_at(deadline, self.connection.open_bi())
            .await
            .map_err(|_| ConnectionError::Deadline)??;
        Ok((SendHalf::new(send, deadline), RecvHalf::new(recv, deadline)))
    }

    /// The next stream of the peer. Its halves are bound to [`HEAD_WAIT`] until the request's own deadline is
    /// known.
    pub async fn accept(&self) -> Result<(SendHalf, RecvHalf), ConnectionError> {
        let (send, recv) = self.connection.accept_bi().await?;
        self.check_validity()?;
        let deadline = Instant::now() + HEAD_WAIT;
        Ok((SendHalf::new(send, deadline), RecvHalf::new(recv, deadline)))
    }

    /// Closes at once; streams in flight end with an error on both sides.
    pub fn close(&self, code: CloseCode) {
        self.connection.close(code.to_varint(), b"");
    }

    /// Resolves when the connection is over, however it ended.
    pub async fn closed(&self) -> ConnectionError {
        self.connection.closed().await.into()
    }

    /// Datagrams that have come from the peer so far: whether it is there at all.
    pub fn datagrams_received(&self) -> u64 {
        self.connection.stats().udp_rx.datagrams
    }

    /// Whether the connection is over.
    pub fn is_closed(&self) -> bool {
        self.connection.close_reason().is_some()
    }

    fn check_validity(&self) -> Result<(), ConnectionError> {
        if self.still_valid(self.shared.clock.now_ms()) {
            return Ok(());
        }
        self.close(CloseCode::CertificateOver);
        Err(ConnectionError::CertificateOver)
    }
}
