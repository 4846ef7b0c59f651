//! QUIC endpoints (RFC 9000) of a hop: who dials and who listens, with every bound of the transport.
//!
//! What must hold: mutual TLS in both directions (R20); everything a peer may make us hold is bounded (R40);
//! an address that was not validated is asked to prove itself as soon as there is pressure (RFC 9000, 8.1.2).
//! Deliberately absent: datagrams, one-way streams, migration, early data, version 2.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use chukei_wire::identity::Identity;
use chukei_wire::limits::STREAMS_MAX;
use quinn::{ClientConfig, Endpoint, EndpointConfig, IdleTimeout, ServerConfig, TransportConfig, VarInt};
use quinn_proto::RandomConnectionIdGenerator;

use crate::clock::Clock;
use crate::connection::{CloseCode, ConnectionError, PeerConnection};
use crate::tls::{Followed, HopCredentials, TlsUnusable, client_config, server_config};

/// Time a handshake may take on either side.
const HANDSHAKE: Duration = Duration::from_secs(5);
/// A silent peer is kept reachable by one small packet each time this passes.
const KEEP_ALIVE: Duration = Duration::from_secs(5);
/// A peer that is silent for this long is gone.
const IDLE_MS: u32 = 15_000;
/// Bytes of a connection id.
const CONNECTION_ID: usize = 8;
/// Bytes a peer may send on one stream ahead of our reading.
const STREAM_WINDOW: u32 = 128 * 1024;
/// Bytes kept of connections whose handshake nobody has looked at yet: for each, and in all.
const INCOMING_BYTES: (u64, u64) = (64 * 1024, 8 * 1024 * 1024);

/// What a listening role lets its peers take.
#[derive(Clone, Copy, Debug)]
pub struct ServerLimits {
    /// Connections at once; a further one is refused.
    pub connections: usize,
    /// Handshakes at once above which an unvalidated address must first answer a Retry packet.
    pub retry_above: usize,
    /// Handshakes waiting to be looked at; packets of further ones are dropped.
    pub waiting: usize,
    /// Streams a peer may have in flight on one connection, at most [`STREAMS_MAX`].
    pub streams: u32,
}

impl Default for ServerLimits {
    fn default() -> Self {
        Self { connections: 4096, retry_above: 32, waiting: 256, streams: STREAMS_MAX }
    }
}

/// Why an endpoint could not be made or a connection not be had.
#[derive(Debug, thiserror::Error)]
pub enum EndpointError {
    /// The local address cannot be bound.
    #[error("the address cannot be bound")]
    Bind(#[source] std::io::Error),
    /// See [`TlsUnusable`].
    #[error(transparent)]
    Tls(#[from] TlsUnusable),
    /// The address cannot be dialled from here.
    #[error("the address cannot be dialled")]
    Address,
    /// No connection within the time for a handshake.
    #[error("the handshake took too long")]
    HandshakeTimeout,
    /// The connection failed, or the peer was not who it should be.
    #[error(transparent)]
    Connection(#[from] ConnectionError),
}

/// The dialling side. Cheap to clone.
#[derive(Clone, Debug)]
pub struct ClientEndpoint {
    endpoint: Endpoint,
    transport: Arc<TransportConfig>,
}

/// Binds a dialling endpoint, usually to port 0 of the unspecified address.
pub fn client_endpoint(bind: SocketAddr) -> Result<ClientEndpoint, EndpointError> {
    let endpoint = Endpoint::client(bind).map_err(EndpointError::Bind)?;
    Ok(ClientEndpoint { endpoint, transport: Arc::new(transport(STREAMS_MAX)) })
}

impl ClientEndpoint {
    /// Connects to `address`, accepting only a certificate that names `expected`.
    pub async fn connect(
        &self,
        credentials: &HopCredentials,
        clock: &Clock,
        address: SocketAddr,
        expected: &Identity,
    ) -> Result<PeerConnection, EndpointError> {
        let credentials = credentials.followed();
        let own = credentials.own();
        let mut config = ClientConfig::new(Arc::new(client_config(credentials, &own, clock, expected)?));
        config.transport_config(Arc::clone(&self.transport));
        // The address stands in for a name: it is neither sent nor believed.
        let connecting = self
            .endpoint
            .connect_with(config, address, &address.ip().to_string())
            .map_err(|_| EndpointError::Address)?;
        let connection = tokio::time::timeout(HANDSHAKE, connecting)
            .await
            .map_err(|_| EndpointError::HandshakeTimeout)?
            .map_err(ConnectionError::from)?;
        Ok(PeerConnection::new(connection, true, own, credentials.clone(), clock.clone())?)
    }

    /// The local address, for example to learn which port was given.
    pub fn local_address(&self) -> Result<SocketAddr, EndpointError> {
        self.endpoint.local_addr().map_err(EndpointError::Bind)
    }

    /// Closes every connection and waits until the peers were told, at most `wait`.
    pub async fn shutdown(&self, wait: Duration) {
        shutdown(&self.endpoint, wait).await;
    }
}

/// The listening side.
#[derive(Debug)]
pub struct ServerEndpoint {
    endpoint: Endpoint,
    clock: Clock,
    credentials: Arc<Followed>,
    limits: ServerLimits,
    handshakes: Arc<AtomicUsize>,
}

/// Binds a listening endpoint. Each handshake shows the certificate that is in force by then.
pub fn server_endpoint(
    address: SocketAddr,
    credentials: &HopCredentials,
    clock: Clock,
    limits: ServerLimits,
) -> Result<ServerEndpoint, EndpointError> {
    let credentials = credentials.followed();
    let mut config = ServerConfig::with_crypto(Arc::new(server_config(credentials, &clock)?));
    let (each, all) = INCOMING_BYTES;
    config
        .transport_config(Arc::new(transport(limits.streams)))
        .migration(false)
        .max_incoming(limits.waiting)
        .incoming_buffer_size(each)
        .incoming_buffer_size_total(all);
    let socket = std::net::UdpSocket::bind(address).map_err(EndpointError::Bind)?;
    let runtime = Arc::new(quinn::TokioRuntime);
    let endpoint = Endpoint::new(resettable(credentials), Some(config), socket, runtime);
    let endpoint = endpoint.map_err(EndpointError::Bind)?;
    let (credentials, handshakes) = (credentials.clone(), Arc::default());
    Ok(ServerEndpoint { endpoint, clock, credentials, limits, handshakes })
}

/// Resets whose key outlives the process, but not the private key that it started with. Connection ids are random,
/// so that packets for a connection of the process before are told apart from none and answered with a reset.
fn resettable(credentials: &Followed) -> EndpointConfig {
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, &credentials.own().reset_secret[..]);
    let mut config = EndpointConfig::new(Arc::new(key));
    config.cid_generator(|| Box::new(RandomConnectionIdGenerator::new(CONNECTION_ID)));
    config
}

impl ServerEndpoint {
    /// The next peer that wants to connect, or `None` once the endpoint is closed. Its handshake runs when
    /// [`PendingPeer::establish`] is awaited, on a task of its own, so that a slow peer holds up nobody.
    pub async fn accept(&self) -> Option<PendingPeer> {
        loop {
            let incoming = self.endpoint.accept().await?;
            if self.endpoint.open_connections() >= self.limits.connections {
                incoming.refuse();
                continue;
            }
            let crowded = self.handshakes.load(Ordering::Relaxed) >= self.limits.retry_above;
            if crowded && !incoming.remote_address_validated() {
                // Fails only for an address that has just been validated, which this one has not.
                if let Err(failed) = incoming.retry() {
                    failed.into_incoming().refuse();
                }
                continue;
            }
            let counted = Counted::new(Arc::clone(&self.handshakes));
            return Some(PendingPeer {
                incoming,
                clock: self.clock.clone(),
                credentials: self.credentials.clone(),
                counted,
            });
        }
    }

    /// The local address, for example to learn which port was given.
    pub fn local_address(&self) -> Result<SocketAddr, EndpointError> {
        self.endpoint.local_addr().map_err(EndpointError::Bind)
    }

    /// Connections open now.
    pub fn open_connections(&self) -> usize {
        self.endpoint.open_connections()
    }

    /// Closes every connection, ends [`Self::accept`], and waits until the peers were told, at most `wait`.
    pub async fn shutdown(&self, wait: Duration) {
        shutdown(&self.endpoint, wait).await;
    }
}

/// A peer whose handshake has not run yet.
#[derive(Debug)]
pub struct PendingPeer {
    incoming: quinn::Incoming,
    clock: Clock,
    credentials: Arc<Followed>,
    counted: Counted,
}

impl PendingPeer {
    /// Runs the handshake: certificate chain, validity and identity are checked within it.
    pub async fn establish(self) -> Result<PeerConnection, EndpointError> {
        let Self { incoming, clock, credentials, counted: _counted } = self;
        let own = credentials.own();
        let connecting = incoming.accept().map_err(ConnectionError::from)?;
        let connection = tokio::time::timeout(HANDSHAKE, connecting)
            .await
            .map_err(|_| EndpointError::HandshakeTimeout)?
            .map_err(ConnectionError::from)?;
        Ok(PeerConnection::new(connection, false, own, credentials, clock)?)
    }
}

/// One handshake in the count, for as long as it lives.
#[derive(Debug)]
struct Counted(Arc<AtomicUsize>);

impl Counted {
    fn new(count: Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The connection window is the sum of the streams' windows: a stream nobody reads holds up no other.
fn transport(streams: u32) -> TransportConfig {
    let streams = streams.clamp(1, STREAMS_MAX);
    let window = STREAM_WINDOW.saturating_mul(streams);
    let mut config = TransportConfig::default();
    config
        .max_concurrent_bidi_streams(VarInt::from_u32(streams))
        .max_concurrent_uni_streams(VarInt::from_u32(0))
        .stream_receive_window(VarInt::from_u32(STREAM_WINDOW))
        .receive_window(VarInt::from_u32(window))
        .send_window(u64::from(window))
        .datagram_receive_buffer_size(None)
        .keep_alive_interval(Some(KEEP_ALIVE))
        .max_idle_timeout(Some(IdleTimeout::from(VarInt::from_u32(IDLE_MS))));
    config
}

async fn shutdown(endpoint: &Endpoint, wait: Duration) {
    endpoint.close(CloseCode::Shutdown.to_varint(), b"");
    // Peers that do not answer within the wait find out by the idle timeout.
    let _ = tokio::time::timeout(wait, endpoint.wait_idle()).await;
}
