//! Connections of the tests' own: with any certificate of the laid out authority, saying anything.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use chukei_harness::layout::{DEVICE, Layout};
use chukei_harness::role::Role;
use chukei_relay_client::connection::PeerConnection;
use chukei_relay_client::endpoint::{ClientEndpoint, EndpointError, client_endpoint};
use chukei_relay_client::factor::{FactorHolder, FileKey};
use chukei_relay_client::request_id;
use chukei_relay_client::session::{SessionError, open_request};
use chukei_relay_client::stream::StreamError;
use chukei_relay_client::tls::{DeviceCredentials, HopCredentials};
use chukei_wire::codec::encode;
use chukei_wire::header::{Direction, Header, Hop, Kind};
use chukei_wire::id::HeaderHash;
use chukei_wire::identity::Identity;
use chukei_wire::limits::VERSION;

/// Any free loopback port.
pub(crate) const LOOPBACK: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
/// Bytes read of a reply that is compared.
const REPLY_MAX: usize = 1024 * 1024;

/// The file of this name among the laid out keys.
pub(crate) fn key_file(layout: &Layout, name: &str) -> PathBuf {
    layout.dir().join("pki").join(name)
}

/// The certificate `pki/<stem>.pem` with its key.
pub(crate) fn credentials(layout: &Layout, stem: &str) -> Arc<HopCredentials> {
    let file = |name: String| key_file(layout, &name);
    HopCredentials::load(&file(format!("{stem}.pem")), &file(format!("{stem}.key")), &file("ca.pem".into()))
        .unwrap()
}

/// The address that stands behind `key` in a role's configuration.
pub(crate) fn address(layout: &Layout, role: Role, key: &str) -> SocketAddr {
    let text = std::fs::read_to_string(layout.config(role)).unwrap();
    let line = text.lines().find(|line| line.starts_with(&format!("{key} = "))).unwrap();
    line.split('"').nth(1).unwrap().parse().unwrap()
}

/// A connection to the node's entrance for staff.
pub(crate) struct Caller {
    pub(crate) peer: PeerConnection,
    // Dropping the endpoint would end the connection.
    _endpoint: ClientEndpoint,
    layout: Layout,
}

/// Dials the node's entrance for staff, and shows there what a terminal of theirs shows.
pub(crate) async fn dial_staff(
    layout: &Layout,
    credentials: &HopCredentials,
) -> Result<Caller, EndpointError> {
    let caller = dial_unproven(layout, credentials).await?;
    caller.prove(credentials.identity()).await;
    Ok(caller)
}

/// Dials the node's entrance for staff with the certificate alone.
pub(crate) async fn dial_unproven(
    layout: &Layout,
    credentials: &HopCredentials,
) -> Result<Caller, EndpointError> {
    let endpoint = client_endpoint(LOOPBACK)?;
    let address = address(layout, Role::Node, "staff");
    let node = Identity::Node("node-a".into());
    let peer = endpoint.connect(credentials, &layout.clock(), address, &node).await?;
    Ok(Caller { peer, _endpoint: endpoint, layout: layout.clone() })
}

/// Everything that came back on one stream.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Reply {
    /// The bytes, with the echoed header hash blanked: all that may differ between two requests.
    pub(crate) bytes: Vec<u8>,
    /// How the stream ended early, if it did.
    pub(crate) error: Option<StreamError>,
}

impl Caller {
    /// Shows terminal and factor of a member of staff who has them. Whoever is not believed is refused what is asked
    /// then, which is what a test sees.
    async fn prove(&self, user: &Identity) {
        let Identity::Staff(body, name) = user else { return };
        let key = key_file(&self.layout, &format!("factor-{body}-{name}-face.key"));
        let Ok(face) = FileKey::load("face", &key) else { return };
        let file = |end: &str| key_file(&self.layout, &format!("device-{body}-{DEVICE}.{end}"));
        let device = DeviceCredentials::load(&file("pem"), &file("key")).unwrap();
        if let Ok(proof) = device.prove(&self.peer, user) {
            let header = self.header(Kind::Device, body.as_str());
            let _ = self.try_ask(&header, &[encode(&proof).unwrap()]).await;
        }
        let clock = self.layout.clock();
        let _ = FactorHolder { connection: &self.peer, user, clock: &clock }.show(&face).await;
    }

    /// A header of a call on this hop about `body`.
    pub(crate) fn header(&self, kind: Kind, body: &str) -> Header {
        header(kind, body, self.layout.clock().now_ms())
    }

    /// Sends a request with `messages` and reads whatever comes back.
    pub(crate) async fn ask(&self, header: &Header, messages: &[Vec<u8>]) -> Reply {
        self.try_ask(header, messages).await.unwrap()
    }

    /// Like [`Caller::ask`], on a connection that may be over.
    pub(crate) async fn try_ask(&self, header: &Header, messages: &[Vec<u8>]) -> Result<Reply, SessionError> {
        self.try_ask_with(header, &Hop::default(), messages).await
    }

    /// Like [`Caller::try_ask`], with this hop part.
    pub(crate) async fn try_ask_with(
        &self,
        header: &Header,
        hop: &Hop,
        messages: &[Vec<u8>],
    ) -> Result<Reply, SessionError> {
        let mut request = open_request(&self.peer, header, hop).await?;
        for message in messages {
            // A peer that has refused by now does not read on.
            let _ = request.send.write_frame(chukei_wire::frame::FrameType::Message, message).await;
        }
        let _ = request.send.finish().await;
        let mut bytes = Vec::new();
        let error = loop {
            match request.recv.read_raw_chunk(REPLY_MAX).await {
                Ok(Some(chunk)) => bytes.extend_from_slice(&chunk),
                Ok(None) => break None,
                Err(error) => break Some(error),
            }
        };
        Ok(Reply { bytes: blanked(&bytes, request.header_hash), error })
    }
}

/// A request header; where the kind travels past the hop, it names the laid out portal.
pub(crate) fn header(kind: Kind, body: &str, now_ms: u64) -> Header {
    let direction = match kind {
        Kind::SelfInfo | Kind::PersonRecords | Kind::ChannelSetup => Direction::ToBody,
        Kind::NoticeDelivery | Kind::NoticeStatus => Direction::ToPortal,
        _ => Direction::Hop,
    };
    let travels = direction != Direction::Hop;
    Header {
        version: VERSION,
        kind,
        direction,
        request_id: request_id::fresh(now_ms).unwrap(),
        body: Some(body.parse().unwrap()),
        portal: travels.then(|| "mynaportal".to_owned()),
        affair: (!travels).then(|| crate::notice_file::TAX_AFFAIR.to_owned()),
        datasets: if kind == Kind::SelfInfo { vec![crate::copy_file::TAX.to_owned()] } else { Vec::new() },
        channel: travels.then_some(chukei_wire::id::ChannelId([7; 16])),
        deadline_ms: 20_000,
        idempotency_key: None,
        retry_of: None,
        authn_ref: None,
    }
}

fn blanked(bytes: &[u8], hash: HeaderHash) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    if let Some(at) = bytes.windows(hash.0.len()).position(|window| window == hash.0) {
        bytes[at..at + hash.0.len()].fill(0);
    }
    bytes
}

/// A frame, as it stands on a stream.
pub(crate) fn frame(kind: u8, payload: &[u8]) -> Bytes {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&[kind][..], &length, payload].concat().into()
}
