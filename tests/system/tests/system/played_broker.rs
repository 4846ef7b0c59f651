//! A broker played by the test, with a real broker's certificate, keys and code master: hostile where a test says
//! so. The node under test is the real one; the portal is played too, with the real portal's keys.

use std::net::SocketAddr;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use chukei_crypto::acquisition::{AcquisitionKeyPair, open_broker_part, open_party_part, split};
use chukei_crypto::binding::Bindings;
use chukei_crypto::person_code::{CodeMaster, FIRST_VERSION};
use chukei_crypto::sign::IdentityKey;
use chukei_harness::layout::Layout;
use chukei_harness::role::Role;
use chukei_relay_client::channel::{Channel, Parties, SealedBody, initiate, read_sealed, write_sealed};
use chukei_relay_client::clock::Clock;
use chukei_relay_client::connection::PeerConnection;
use chukei_relay_client::endpoint::{
    ClientEndpoint, ServerEndpoint, ServerLimits, client_endpoint, server_endpoint,
};
use chukei_relay_client::key_file::{read, read_array};
use chukei_relay_client::peers::PeerList;
use chukei_relay_client::session::{AcceptedRequest, accept_request, forward_request, open_request};
use chukei_relay_client::stream::splice;
use chukei_wire::codec::encode;
use chukei_wire::frame::{FrameType, Outcome};
use chukei_wire::header::{Header, Hop, Kind, PersonCode};
use chukei_wire::id::HeaderHash;
use chukei_wire::identity::Identity;
use chukei_wire::limits::PERMIT_LIFE_MS;
use chukei_wire::message::binding::prove;
use chukei_wire::message::self_info::{SelfInfoAnswer, SelfInfoRequest};
use chukei_wire::permit::{Permit, PermitClaims};
use tokio::sync::watch;
use tokio::time::timeout;

use crate::hop::{LOOPBACK, address, credentials, header, key_file};
use crate::person::Person;
use crate::played_permits::{PlayedKey, PlayedPermits, permit_key};
use crate::stage::Stage;

/// Nothing here takes that long.
const PATIENCE: Duration = Duration::from_secs(30);
/// Bytes of an answer, opened.
const ANSWER_MAX: usize = 1024 * 1024;
/// Bytes of a channel's set-up, each way.
const SETUP_MAX: u64 = 64 * 1024;

/// The broker, and the portal behind it.
pub(crate) struct PlayedBroker {
    name: &'static str,
    _server: Arc<ServerEndpoint>,
    node: watch::Receiver<Option<PlayedNode>>,
    portal: PeerConnection,
    portal_at_broker: PeerConnection,
    _portal_endpoint: ClientEndpoint,
    layout: Layout,
    clock: Clock,
    peers: PeerList,
}

/// The node at this broker, and what it is permitted.
#[derive(Clone)]
pub(crate) struct PlayedNode {
    connection: PeerConnection,
    pub(crate) permits: Arc<PlayedPermits>,
}

impl Deref for PlayedNode {
    type Target = PeerConnection;

    fn deref(&self) -> &PeerConnection {
        &self.connection
    }
}

/// A person as broker and portal together know them: what a hostile broker alone never has.
pub(crate) struct Known {
    pub(crate) code: PersonCode,
    pub(crate) bindings: Bindings,
}

/// What came back on a request for own information.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) outcome: Outcome,
    /// Opened, where something came.
    pub(crate) sealed: Option<SelfInfoAnswer>,
}

impl PlayedBroker {
    /// Takes the place of the stage's broker; the stage's portal is stopped as well.
    pub(crate) fn take_over(stage: &Stage) -> Self {
        stage.stack.stop_role(Role::Portal).unwrap();
        stage.stack.stop_role(Role::Broker).unwrap();
        let relay = address(stage.layout(), Role::Broker, "relay");
        stage.runtime.block_on(Self::start(stage.layout(), "broker-a", relay))
    }

    /// Plays the broker of this name, which nobody else is; node and portal expect it at `relay`.
    pub(crate) async fn start(layout: &Layout, name: &'static str, relay: SocketAddr) -> Self {
        let clock = layout.clock();
        let broker = credentials(layout, name);
        let server = server_endpoint(relay, &broker, clock.clone(), ServerLimits::default()).unwrap();
        let server = Arc::new(server);
        let portal_endpoint = client_endpoint(LOOPBACK).unwrap();
        let (node_seen, node) = watch::channel(None);
        let (portal_seen, mut portals) = tokio::sync::mpsc::channel(1);
        tokio::spawn(accept(Arc::clone(&server), permit_key(layout, name), node_seen, portal_seen));
        let dialling = credentials(layout, "portal-mynaportal");
        let expected = Identity::Broker(name.into());
        let portal = portal_endpoint.connect(&dialling, &clock, relay, &expected).await.unwrap();
        let portal_at_broker = portals.recv().await.unwrap();
        let pki = |name: &str| key_file(layout, name);
        let peers = PeerList::load(&pki("peers.json"), &pki("peer-root.pub"), clock.now_ms()).unwrap();
        let layout = layout.clone();
        Self {
            name,
            _server: server,
            node,
            portal,
            portal_at_broker,
            _portal_endpoint: portal_endpoint,
            layout,
            clock,
            peers,
        }
    }

    /// The node's connection, once it has announced its bodies.
    pub(crate) async fn node(&self) -> PlayedNode {
        let mut node = self.node.clone();
        let live = |node: &Option<PlayedNode>| node.as_ref().is_some_and(|node| !node.is_closed());
        loop {
            let found = timeout(PATIENCE, node.wait_for(live)).await.unwrap().unwrap().clone().unwrap();
            if !found.is_closed() {
                return found;
            }
        }
    }

    /// What both sides know of an enrolled person.
    pub(crate) fn known(&self, body: &str, person: &Person) -> Known {
        let party = format!("body/{body}");
        let keys = |name: &str| {
            AcquisitionKeyPair::from_bytes(&read(&key_file(&self.layout, name)).unwrap()).unwrap()
        };
        let parts = split(&person.number).unwrap();
        let (now_ms, registry) = (self.clock.now_ms(), self.peers.registry());
        let brokers = keys("brokers.acquisition.key");
        let id = open_broker_part(&parts.broker_part, &brokers, registry, &party, now_ms).unwrap();
        let own = keys(&format!("body-{body}.acquisition.key"));
        let part = open_party_part(&parts.party_part, &own, registry, &party, now_ms).unwrap();
        let master = read_array::<32>(&key_file(&self.layout, "code-master-1.key")).unwrap();
        let code = CodeMaster::new(FIRST_VERSION, *master).unwrap().party(&party).encode(id);
        Known { code: PersonCode(code), bindings: Bindings::new(part.binding) }
    }

    /// An end-to-end channel between the portal and `body`, set up through this broker.
    pub(crate) async fn channel(
        &self,
        body: &str,
    ) -> Result<Channel, chukei_relay_client::channel::ChannelError> {
        let setup = self.header(Kind::ChannelSetup, body);
        let identity = read(&key_file(&self.layout, "portal-mynaportal.identity.key")).unwrap();
        let identity = IdentityKey::from_pkcs8(&identity).unwrap();
        let pinned = &self.peers.body(&body.parse().unwrap()).unwrap().identities;
        let parties = Parties { own: &identity, other: pinned };
        let carried = self.carry_one();
        let (channel, ()) = tokio::join!(initiate(&self.portal, &setup, parties, &self.clock), carried);
        channel
    }

    /// Passes the portal's next request on to the node, with a permit that concerns nobody, as a good broker does.
    async fn carry_one(&self) {
        let (send, recv) = timeout(PATIENCE, self.portal_at_broker.accept()).await.unwrap().unwrap();
        let AcceptedRequest { header_bytes, header_hash, mut send, mut recv, .. } =
            accept_request(send, recv).await.unwrap();
        let node = self.node().await;
        let permit = self.permit(&node, header_hash, None);
        let hop = Hop { sender_code: None, permit: Some(permit), leave: None };
        let deadline = tokio::time::Instant::now() + PATIENCE;
        let mut onward = forward_request(&node, &header_bytes, &hop, deadline).await.unwrap();
        let there = async {
            splice(&mut recv, &mut onward.send, SETUP_MAX).await.map(|_| ())?;
            onward.send.finish().await
        };
        let back = async {
            splice(&mut onward.recv, &mut send, SETUP_MAX).await.map(|_| ())?;
            send.finish().await
        };
        // A refused set-up ends early on one side.
        let _ = tokio::join!(there, back);
    }

    /// A header as the portal would write it.
    pub(crate) fn header(&self, kind: Kind, body: &str) -> Header {
        let mut header = header(kind, body, self.clock.now_ms());
        if kind == Kind::ChannelSetup {
            header.channel = None;
        }
        header
    }

    /// Claims that a good broker would make now.
    pub(crate) fn claims(&self, header: HeaderHash, person: Option<PersonCode>) -> PermitClaims {
        let issued_ms = self.clock.now_ms();
        PermitClaims {
            header,
            person,
            previous: None,
            legal_basis: "番号法附則第6条第4項第1号".to_owned(),
            broker: self.name.to_owned(),
            issued_ms,
            expires_ms: issued_ms + PERMIT_LIFE_MS,
            // Both of the connection, given when the claims are authenticated.
            epoch: [0; 16],
            number: 0,
        }
    }

    /// Claims authenticated for the node's connection.
    pub(crate) fn authenticated(node: &PlayedNode, claims: PermitClaims) -> Permit {
        node.permits.authenticated(claims)
    }

    /// A good permit.
    pub(crate) fn permit(&self, node: &PlayedNode, header: HeaderHash, person: Option<PersonCode>) -> Permit {
        Self::authenticated(node, self.claims(header, person))
    }

    /// The sealed request that the portal would send.
    pub(crate) fn sealed_request(channel: &Channel, header: &Header, bindings: &Bindings) -> SealedBody {
        let hash = Header::hash(&header.to_bytes().unwrap());
        let request = SelfInfoRequest { binding_tags: prove(bindings, hash) };
        channel.seal_body(hash, None, &encode(&request).unwrap(), 0).unwrap()
    }

    /// Sends a request for own information to the node, and opens what comes as the portal would.
    pub(crate) async fn ask(
        &self,
        channel: &Channel,
        header: &Header,
        permit: Option<Permit>,
        sealed: SealedBody,
        bindings: &Bindings,
    ) -> Answer {
        let node = self.node().await;
        Self::ask_at(&node, channel, header, permit, sealed, bindings).await
    }

    /// The same at this node, also where another one has announced itself since.
    pub(crate) async fn ask_at(
        node: &PlayedNode,
        channel: &Channel,
        header: &Header,
        permit: Option<Permit>,
        sealed: SealedBody,
        bindings: &Bindings,
    ) -> Answer {
        let hop = Hop { sender_code: None, permit, leave: None };
        let mut request = open_request(node, header, &hop).await.unwrap();
        // A node that refuses by the head alone does not read on.
        let _ = write_sealed(&mut request.send, sealed).await;
        let outcome = request.read_status().await.unwrap();
        if outcome != Outcome::Answered {
            return Answer { outcome, sealed: None };
        }
        let raw = read_sealed(&mut request.recv, ANSWER_MAX).await.unwrap();
        let opened = channel.open_body(request.header_hash, Some(bindings), &raw).unwrap();
        let answer = opened.message().unwrap();
        let _ = request.send.write_frame(FrameType::Message, &opened.receipt()).await;
        let _ = request.send.finish().await;
        Answer { outcome, sealed: Some(answer) }
    }

    /// A whole good exchange about `known` on `channel`.
    pub(crate) async fn ask_well(&self, channel: &Channel, body: &str, known: &Known) -> Answer {
        let header = self.on(channel, body);
        let node = self.node().await;
        let hash = Header::hash(&header.to_bytes().unwrap());
        let permit = self.permit(&node, hash, Some(known.code));
        let sealed = Self::sealed_request(channel, &header, &known.bindings);
        self.ask(channel, &header, Some(permit), sealed, &known.bindings).await
    }

    /// Bytes of the whole reply to a good request as they pass a broker, frames included.
    pub(crate) async fn reply_size(&self, channel: &Channel, body: &str, known: &Known) -> usize {
        let header = self.on(channel, body);
        let node = self.node().await;
        let permit = self.permit(&node, Header::hash(&header.to_bytes().unwrap()), Some(known.code));
        let hop = Hop { sender_code: None, permit: Some(permit), leave: None };
        let mut request = open_request(&node, &header, &hop).await.unwrap();
        let sealed = Self::sealed_request(channel, &header, &known.bindings);
        write_sealed(&mut request.send, sealed).await.unwrap();
        let mut bytes = 0;
        while let Some(chunk) = request.recv.read_raw_chunk(ANSWER_MAX).await.unwrap() {
            bytes += chunk.len();
        }
        bytes
    }

    /// A header for a request for own information on `channel`.
    pub(crate) fn on(&self, channel: &Channel, body: &str) -> Header {
        Header { channel: Some(channel.id()), ..self.header(Kind::SelfInfo, body) }
    }
}

impl Drop for PlayedBroker {
    fn drop(&mut self) {
        self.portal.close(chukei_relay_client::connection::CloseCode::Shutdown);
    }
}

/// Lets nodes and portals in, and answers what nodes announce.
async fn accept(
    server: Arc<ServerEndpoint>,
    key: PlayedKey,
    node_seen: watch::Sender<Option<PlayedNode>>,
    portal_seen: tokio::sync::mpsc::Sender<PeerConnection>,
) {
    while let Some(pending) = server.accept().await {
        let Ok(peer) = pending.establish().await else { continue };
        match peer.identity() {
            Identity::Node(_) => {
                let permits = Arc::new(PlayedPermits::of(&peer, &key));
                let node = PlayedNode { connection: peer, permits };
                tokio::spawn(hear_announcements(node, node_seen.clone()));
            }
            _ => {
                let _ = portal_seen.send(peer).await;
            }
        }
    }
}

/// A node that has announced its bodies is used from then on.
async fn hear_announcements(peer: PlayedNode, seen: watch::Sender<Option<PlayedNode>>) {
    while let Ok((send, recv)) = peer.accept().await {
        let Ok(mut request) = accept_request(send, recv).await else { continue };
        if request.header.kind == Kind::PermitRoots {
            let permits = Arc::clone(&peer.permits);
            tokio::spawn(async move { permits.serve(request).await });
            continue;
        }
        let known = request.header.kind == Kind::Announce;
        let not_now = Outcome::RetryAfter(chukei_wire::result::ResultName::NotReady, 1_000);
        let told = request.end_with(if known { Outcome::Answered } else { not_now }).await;
        if known && told.is_ok() {
            seen.send_replace(Some(peer.clone()));
        }
    }
}
