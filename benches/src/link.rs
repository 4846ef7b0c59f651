//! Two ends of one hop on loopback, as any two roles have it: mutual TLS 1.3 over QUIC.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use chukei_relay_client::clock::Clock;
use chukei_relay_client::connection::PeerConnection;
use chukei_relay_client::endpoint::{
    ClientEndpoint, ServerEndpoint, ServerLimits, client_endpoint, server_endpoint,
};
use chukei_relay_client::tls::HopCredentials;
use tokio::time::Instant;

use crate::Failure;

/// Any free port of the loopback address.
pub const LOOPBACK: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
/// Bytes taken from a stream at once.
pub const READ: usize = 64 * 1024;

/// A deadline that only a fault reaches.
pub fn soon() -> Instant {
    Instant::now() + Duration::from_secs(30)
}

/// The credentials `stem` of a folder of keys: `<stem>.pem`, `<stem>.key` and `ca.pem`.
pub fn credentials(keys: &Path, stem: &str) -> Result<Arc<HopCredentials>, Failure> {
    let certificate = keys.join(format!("{stem}.pem"));
    Ok(HopCredentials::load(&certificate, &keys.join(format!("{stem}.key")), &keys.join("ca.pem"))?)
}

/// A listening end.
pub fn listen(credentials: &HopCredentials) -> Result<ServerEndpoint, Failure> {
    Ok(server_endpoint(LOOPBACK, credentials, Clock::system(), ServerLimits::default())?)
}

/// Dials the holder of `expected`'s certificate; the endpoint must live as long as the connection.
pub async fn dial(
    own: &HopCredentials,
    address: SocketAddr,
    expected: &HopCredentials,
) -> Result<(ClientEndpoint, PeerConnection), Failure> {
    let endpoint = client_endpoint(LOOPBACK)?;
    let connection = endpoint.connect(own, &Clock::system(), address, expected.identity()).await?;
    Ok((endpoint, connection))
}

/// A hop whose both ends are in this process.
pub struct Link {
    /// The end that dialled.
    pub dialled: PeerConnection,
    /// The end that listened.
    pub accepted: PeerConnection,
    _endpoints: (ClientEndpoint, ServerEndpoint),
}

impl Link {
    /// Connects `dialler` to `listener`.
    pub async fn new(dialler: &HopCredentials, listener: &HopCredentials) -> Result<Self, Failure> {
        let server = listen(listener)?;
        let address = server.local_address()?;
        let accepting = async {
            let pending = server.accept().await.ok_or("the endpoint was closed")?;
            Ok::<_, Failure>(pending.establish().await?)
        };
        let ((client, dialled), accepted) = tokio::try_join!(dial(dialler, address, listener), accepting)?;
        Ok(Self { dialled, accepted, _endpoints: (client, server) })
    }
}
