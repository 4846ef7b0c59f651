//! One connection to an authenticated peer.
//!
//! What must hold: the peer's identity never changes while the connection lives; no stream begins once the
//! certificate of either side is over, or the peer's was revoked, even on a connection that is already open (R20).

use std::sync::{Arc, OnceLock};

use chukei_wire::identity::Identity;
use chukei_wire::message::control::DeviceProof;
use quinn::VarInt;
use rustls::pki_types::CertificateDer;
use tokio::time::Instant;

use crate::clock::Clock;
use crate::stream::{HEAD_WAIT, RecvHalf, SendHalf};
use crate::tls::{
    BadCertificate, CertificateFacts, DeviceRefusal, Followed, OwnCertificate, Reviewed, Unfit, check_proof,
};

/// Why a connection was closed, as the other side sees it (RFC 9000, 19.19).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum CloseCode {
    /// The role stops, or has no more use for the connection.
    Shutdown = 0,
    /// A certificate counts no more: it is over or revoked, or nobody knows (R20).
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
    /// The certificate of one side counts no more (R20).
    #[error(transparent)]
    Unfit(#[from] Unfit),
    /// The peer's certificate says no single identity.
    #[error(transparent)]
    Identity(#[from] BadCertificate),
    /// No stream could be opened before the deadline: too many are in flight.
    #[error("no stream before the deadline")]
    Deadline,
    /// The peer does not take this side's certificate.
    #[error("the peer does not take this side's certificate")]
    CertificateRefused,
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

impl ConnectionError {
    /// Whether the peer does not take this side's certificate, or takes it no more.
    pub fn refuses_certificate(&self) -> bool {
        *self == Self::CertificateRefused || *self == Self::ClosedByPeer(CloseCode::CertificateOver as u64)
    }
}

/// Whether an error code of QUIC (RFC 9001, 4.8) is an alert about a certificate (RFC 8446, 6.2), from
/// `bad_certificate` to `unknown_ca`, `access_denied`, `decrypt_error` (of a signature) and `certificate_required`.
fn is_about_certificate(code: u64) -> bool {
    matches!(code.checked_sub(0x100), Some(42..=46 | 48 | 49 | 51 | 116))
}

impl From<quinn::ConnectionError> for ConnectionError {
    fn from(error: quinn::ConnectionError) -> Self {
        use quinn::ConnectionError as Quinn;
        match error {
            Quinn::ApplicationClosed(close) => Self::ClosedByPeer(close.error_code.into_inner()),
            Quinn::LocallyClosed => Self::ClosedHere,
            Quinn::TimedOut => Self::TimedOut,
            Quinn::TransportError(error) => Self::Transport(error.code.into()),
            Quinn::ConnectionClosed(close) => match close.error_code.into() {
                code if is_about_certificate(code) => Self::CertificateRefused,
                code => Self::Transport(code),
            },
            Quinn::Reset | Quinn::VersionMismatch | Quinn::CidsExhausted => Self::Lost,
        }
    }
}

/// A connection whose peer has proved its identity. Cheap to clone; clones are the same connection.
#[derive(Clone, Debug)]
pub struct PeerConnection {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    connection: quinn::Connection,
    peer: CertificateFacts,
    /// Whether this side has dialled, so that the peer's is a server's certificate.
    dialled: bool,
    own: Arc<OwnCertificate>,
    credentials: Arc<Followed>,
    device: OnceLock<CertificateFacts>,
    clock: Clock,
}

impl PeerConnection {
    /// Reads the identity from the certificate that the handshake has verified; `own` is the one that was shown, or
    /// at a server perhaps the one before.
    pub(crate) fn new(
        connection: quinn::Connection,
        dialled: bool,
        own: Arc<OwnCertificate>,
        credentials: Arc<Followed>,
        clock: Clock,
    ) -> Result<Self, ConnectionError> {
        let chain = chain(&connection).ok_or(BadCertificate::Malformed)?;
        let peer = CertificateFacts::of_peer(chain.first().ok_or(BadCertificate::Malformed)?)?;
        let device = OnceLock::new();
        let shared = Arc::new(Shared { connection, peer, dialled, own, credentials, device, clock });
        let weak = Arc::downgrade(&shared);
        shared.credentials.register(weak);
        let connection = Self { shared };
        // A list that came into force during the handshake has not reviewed this one.
        connection.check_validity()?;
        Ok(connection)
    }

    /// Who the peer is.
    pub fn identity(&self) -> &Identity {
        &self.shared.peer.identity
    }

    /// The address that the peer's datagrams come from now. Nobody is trusted for it.
    pub fn remote_address(&self) -> std::net::IpAddr {
        self.shared.connection.remote_address().ip()
    }

    /// Tells this connection from every other of the process.
    pub fn id(&self) -> usize {
        self.shared.connection.stable_id()
    }

    /// Whether the certificates of both sides count at this time (Unix milliseconds).
    pub fn fitness(&self, now_ms: u64) -> Result<(), Unfit> {
        self.shared.fitness(now_ms)
    }

    /// Whether this side shows the certificate on it that it would show now.
    pub fn shows_current_certificate(&self) -> bool {
        Arc::ptr_eq(&self.shared.own, &self.shared.credentials.own())
    }

    /// The device that the connection comes from, if one has proved itself and counts still.
    pub fn device(&self) -> Option<&Identity> {
        let device = self.shared.device.get()?;
        self.shared.credentials.standing(device, self.shared.clock.now_ms()).ok()?;
        Some(&device.identity)
    }

    /// Takes a device's proof, once on a connection.
    pub fn take_device(&self, proof: &DeviceProof) -> Result<&Identity, DeviceRefusal> {
        let Shared { credentials, clock, device, .. } = &*self.shared;
        if device.get().is_some() {
            return Err(DeviceRefusal::Second);
        }
        let facts = check_proof(credentials, clock, self, proof)?;
        let shown = facts.clone();
        // Of two at once one comes first.
        let taken = device.get_or_init(|| facts);
        if *taken == shown { Ok(&taken.identity) } else { Err(DeviceRefusal::Second) }
    }

    /// Key material that only the two ends of this connection have (RFC 8446, 7.5).
    pub fn export_key(
        &self,
        label: &[u8],
        context: &[u8],
    ) -> Result<zeroize::Zeroizing<[u8; 32]>, ConnectionError> {
        let mut key = zeroize::Zeroizing::new([0; 32]);
        self.shared
            .connection
            .export_keying_material(key.as_mut(), label, context)
            .map_err(|_| ConnectionError::Lost)?;
        Ok(key)
    }

    /// Opens a stream; both halves are bound to `deadline`. The peer hears of it with the first write.
    pub async fn open(&self, deadline: Instant) -> Result<(SendHalf, RecvHalf), ConnectionError> {
        self.check_validity()?;
        let (send, recv) = tokio::time::timeout_at(deadline, self.shared.connection.open_bi())
            .await
            .map_err(|_| ConnectionError::Deadline)??;
        Ok((SendHalf::new(send, deadline), RecvHalf::new(recv, deadline)))
    }

    /// The next stream of the peer. Its halves are bound to [`HEAD_WAIT`] until the request's own deadline is
    /// known.
    pub async fn accept(&self) -> Result<(SendHalf, RecvHalf), ConnectionError> {
        let (send, recv) = self.shared.connection.accept_bi().await?;
        self.check_validity()?;
        let deadline = Instant::now() + HEAD_WAIT;
        Ok((SendHalf::new(send, deadline), RecvHalf::new(recv, deadline)))
    }

    /// Closes at once; streams in flight end with an error on both sides.
    pub fn close(&self, code: CloseCode) {
        self.shared.connection.close(code.to_varint(), b"");
    }

    /// Resolves when the connection is over, however it ended.
    pub async fn closed(&self) -> ConnectionError {
        self.shared.connection.closed().await.into()
    }

    /// Datagrams that have come from the peer so far: whether it is there at all.
    pub fn datagrams_received(&self) -> u64 {
        self.shared.connection.stats().udp_rx.datagrams
    }

    /// Whether the connection is over.
    pub fn is_closed(&self) -> bool {
        self.shared.is_over()
    }

    fn check_validity(&self) -> Result<(), ConnectionError> {
        let fit = self.shared.fitness(self.shared.clock.now_ms());
        fit.inspect_err(|unfit| self.shared.end(*unfit)).map_err(ConnectionError::from)
    }
}

impl Shared {
    fn fitness(&self, now_ms: u64) -> Result<(), Unfit> {
        if now_ms > self.own.facts.not_after_ms {
            return Err(Unfit::Over);
        }
        self.credentials.standing(&self.peer, now_ms)
    }

    fn end(&self, unfit: Unfit) {
        tracing::warn!(peer = %self.peer.identity, %unfit, "connection closed");
        self.connection.close(CloseCode::CertificateOver.to_varint(), b"");
    }
}

impl Reviewed for Shared {
    fn review(&self, authority: bool) {
        let anchored = || {
            chain(&self.connection)
                .is_some_and(|chain| self.credentials.anchors(&chain, self.dialled, &self.clock))
        };
        let fit = self.fitness(self.clock.now_ms());
        let fit = fit.and_then(|()| if !authority || anchored() { Ok(()) } else { Err(Unfit::Untrusted) });
        if let Err(unfit) = fit {
            self.end(unfit);
        }
    }

    fn is_over(&self) -> bool {
        self.connection.close_reason().is_some()
    }
}

/// The peer's certificates, leaf first.
fn chain(connection: &quinn::Connection) -> Option<Vec<CertificateDer<'static>>> {
    let chain = connection.peer_identity()?.downcast::<Vec<CertificateDer<'static>>>().ok()?;
    Some(*chain)
}
