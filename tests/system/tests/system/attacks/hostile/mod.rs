//! A broker that a hostile operator runs: the real certificate and key, the real node and portal dialling it, and
//! whatever deed a test has in mind for the next request.
//!
//! What must hold: without a deed it does what an honest broker does, so that what a deed brings about is the
//! deed's doing.

mod carry;
mod passage;
mod registrar;

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chukei_harness::role::Role;
use chukei_node::config::broker::BrokerConfig;
use chukei_relay_client::clock::Clock;
use chukei_relay_client::connection::PeerConnection;
use chukei_relay_client::endpoint::{ServerEndpoint, ServerLimits, server_endpoint};
use chukei_relay_client::session;
use chukei_relay_client::tls::HopCredentials;
use chukei_wire::body_code::BodyCode;
use chukei_wire::frame::{FrameType, Outcome};
use chukei_wire::header::{Direction, Kind};
use chukei_wire::identity::Identity;
use chukei_wire::message::control::{AcquireReply, AcquireRequest, Announce};
use tokio::runtime::Handle;
use tokio::task::{JoinHandle, JoinSet};

use self::registrar::Registrar;
use super::rig::Rig;
use crate::played_permits::{PlayedKey, PlayedPermits, permit_key};
use crate::stage::until;
pub(crate) use passage::{Flights, Passage};

/// Time the peers have to hear of the end.
const FAREWELL: Duration = Duration::from_secs(2);

/// A frame of a stream.
pub(crate) type Frame = (FrameType, Vec<u8>);
/// What is done with a request.
pub(crate) type Deed = Box<dyn FnOnce(Passage) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send>;

/// A node or portal that is connected.
pub(crate) struct Peer {
    pub(crate) connection: PeerConnection,
    pub(crate) permits: Arc<PlayedPermits>,
}

/// What its tasks share.
pub(crate) struct Shared {
    name: String,
    permit_key: PlayedKey,
    pub(crate) clock: Clock,
    registrar: Registrar,
    bodies: Mutex<HashMap<BodyCode, Arc<Peer>>>,
    nodes: Mutex<HashMap<String, Arc<Peer>>>,
    pub(crate) portals: Mutex<HashMap<String, Arc<Peer>>>,
    deeds: Mutex<HashMap<Kind, Vec<Deed>>>,
    /// Every set-up that was carried, as it went.
    pub(crate) flights: Mutex<Vec<Flights>>,
}

/// The broker, in the place of the real one, which stands still meanwhile.
pub(crate) struct HostileBroker {
    pub(crate) shared: Arc<Shared>,
    runtime: Handle,
    endpoint: Arc<ServerEndpoint>,
    accepting: JoinHandle<()>,
}

impl HostileBroker {
    /// Takes the place of the broker, which must have stopped.
    pub(crate) fn start(rig: &Rig) -> Self {
        let config = BrokerConfig::load(&rig.layout().config(Role::Broker)).unwrap();
        let [certificate, key, authority] =
            [&config.tls.certificate, &config.tls.key, &config.tls.authority].map(|path| config.path(path));
        let credentials = HopCredentials::load(&certificate, &key, &authority).unwrap();
        let clock = rig.layout().clock();
        let shared = Arc::new(Shared {
            name: config.name.clone(),
            permit_key: permit_key(rig.layout(), "broker-a"),
            clock: clock.clone(),
            registrar: Registrar::load(&config, &clock),
            bodies: Mutex::default(),
            nodes: Mutex::default(),
            portals: Mutex::default(),
            deeds: Mutex::default(),
            flights: Mutex::default(),
        });
        rig.wait_for_brokers_port();
        let _within = rig.runtime.enter();
        let limits = ServerLimits::default();
        let endpoint = server_endpoint(config.listen.relay, &credentials, clock, limits).unwrap();
        let endpoint = Arc::new(endpoint);
        let accepting = tokio::spawn(accept(Arc::clone(&shared), Arc::clone(&endpoint)));
        let broker = Self { shared, runtime: rig.runtime.handle().clone(), endpoint, accepting };
        until("node and portal at the hostile broker", || broker.is_reached().then_some(()));
        broker
    }

    fn is_reached(&self) -> bool {
        !self.shared.bodies.lock().unwrap().is_empty() && !self.shared.portals.lock().unwrap().is_empty()
    }

    /// What is done with the next request of this kind that nothing else was planned for.
    pub(crate) fn plan<F: Future<Output = ()> + Send + 'static>(
        &self,
        kind: Kind,
        deed: impl FnOnce(Passage) -> F + Send + 'static,
    ) {
        let deed: Deed = Box::new(move |passage| Box::pin(deed(passage)));
        self.shared.deeds.lock().unwrap().entry(kind).or_default().push(deed);
    }

    /// Does nothing of what was planned.
    pub(crate) fn repent(&self) {
        self.shared.deeds.lock().unwrap().clear();
    }

    /// How many channels were set up so far.
    pub(crate) fn set_ups(&self) -> usize {
        self.shared.flights.lock().unwrap().len()
    }

    /// The portal of this name, where it is connected.
    pub(crate) fn portal(&self, name: &str) -> Option<Arc<Peer>> {
        self.shared.portals.lock().unwrap().get(name).cloned()
    }

    /// The node of this name, where it is connected.
    pub(crate) fn node(&self, name: &str) -> Option<Arc<Peer>> {
        self.shared.nodes.lock().unwrap().get(name).cloned()
    }
}

impl Drop for HostileBroker {
    /// Leaves the place to another.
    fn drop(&mut self) {
        self.accepting.abort();
        self.runtime.block_on(self.endpoint.shutdown(FAREWELL));
    }
}

async fn accept(shared: Arc<Shared>, endpoint: Arc<ServerEndpoint>) {
    let mut peers = JoinSet::new();
    while let Some(pending) = endpoint.accept().await {
        let shared = Arc::clone(&shared);
        peers.spawn(async move {
            if let Ok(connection) = pending.establish().await {
                serve(shared, connection).await;
            }
        });
    }
}

async fn serve(shared: Arc<Shared>, connection: PeerConnection) {
    let permits = Arc::new(PlayedPermits::of(&connection, &shared.permit_key));
    let peer = Arc::new(Peer { connection, permits });
    let connected = match peer.connection.identity() {
        Identity::Node(name) => shared.nodes.lock().unwrap().insert(name.clone(), Arc::clone(&peer)),
        Identity::Portal(name) => shared.portals.lock().unwrap().insert(name.clone(), Arc::clone(&peer)),
        other => panic!("{other} has no business with a broker"),
    };
    drop(connected);
    let mut requests = JoinSet::new();
    while let Ok((send, recv)) = peer.connection.accept().await {
        let (shared, peer) = (Arc::clone(&shared), Arc::clone(&peer));
        requests.spawn(async move {
            let Ok(request) = session::accept_request(send, recv).await else { return };
            shared.answer(peer, request).await;
        });
    }
}

impl Shared {
    async fn answer(self: Arc<Self>, from: Arc<Peer>, mut request: session::AcceptedRequest) {
        match request.header.kind {
            Kind::Announce => {
                let announced: Announce = request.recv.read_message().await.unwrap();
                for delegation in announced.delegations {
                    self.bodies.lock().unwrap().insert(delegation.claims.body, Arc::clone(&from));
                }
                let _ = request.end_with(Outcome::Answered).await;
            }
            Kind::PermitRoots => from.permits.serve(request).await,
            Kind::AcquireCodes => {
                let asked: AcquireRequest = request.recv.read_message().await.unwrap();
                let codes = self.registrar.codes(from.connection.identity(), &request.header, &asked);
                let _ = request.put_status(Outcome::Answered).await;
                let _ = request.send.write_message(&AcquireReply { codes }).await;
                let _ = request.send.finish().await;
            }
            kind => {
                // A node sets up channels when it likes: deeds are for those of the portal.
                let own = kind == Kind::ChannelSetup && request.header.direction == Direction::ToPortal;
                let planned = if own { None } else { self.planned(kind) };
                carry::carry(self, request, planned).await;
            }
        }
    }

    fn planned(&self, kind: Kind) -> Option<Deed> {
        let mut deeds = self.deeds.lock().unwrap();
        let planned = deeds.get_mut(&kind)?;
        if planned.is_empty() { None } else { Some(planned.remove(0)) }
    }
}
