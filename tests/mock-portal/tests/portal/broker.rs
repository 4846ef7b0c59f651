//! The broker's side: it lets the portal in, exchanges acquisition numbers, and issues permits. Requests of the
//! portal to bodies are handed to the test.

use std::net::SocketAddr;
use std::sync::Arc;

use chukei_crypto::acquisition::{AcquisitionKeyPair, open_broker_part};
use chukei_crypto::permit::PermitKey;
use chukei_crypto::person_code::{CodeMaster, FIRST_VERSION};
use chukei_relay_client::clock::Clock;
use chukei_relay_client::connection::PeerConnection;
use chukei_relay_client::endpoint::{ServerEndpoint, ServerLimits, server_endpoint};
use chukei_relay_client::key_file;
use chukei_relay_client::peers::PeerList;
use chukei_relay_client::permit::{EXPORT_LABEL, PermitTerms, issue};
use chukei_relay_client::session::{AcceptedRequest, accept_request};
use chukei_relay_client::tls::HopCredentials;
use chukei_wire::frame::Outcome;
use chukei_wire::header::{Kind, PersonCode};
use chukei_wire::id::HeaderHash;
use chukei_wire::message::control::{AcquireReply, AcquireRequest};
use chukei_wire::permit::Permit;
use tokio::sync::{Mutex, mpsc, watch};

use crate::stage::{Keys, LOOPBACK, PORTAL};

/// A broker of one portal.
pub(crate) struct Broker {
    address: SocketAddr,
    pub(crate) desk: Arc<Desk>,
    current: watch::Receiver<Option<PeerConnection>>,
    /// Requests of the portal that concern bodies.
    pub(crate) asked: Mutex<mpsc::Receiver<AcceptedRequest>>,
}

/// What the broker knows.
pub(crate) struct Desk {
    pub(crate) clock: Clock,
    pub(crate) peers: PeerList,
    acquisition: AcquisitionKeyPair,
    codes: CodeMaster,
}

impl Broker {
    pub(crate) fn listen(keys: &Keys) -> Self {
        let hop = &keys.broker.hop;
        let credentials = HopCredentials::load(&hop.certificate, &hop.key, &hop.authority).unwrap();
        let clock = Clock::system();
        let here = (LOOPBACK, 0).into();
        let endpoint = server_endpoint(here, &credentials, clock.clone(), ServerLimits::default()).unwrap();
        let address = endpoint.local_address().unwrap();
        let acquisition = key_file::read(&keys.broker.acquisition_key).unwrap();
        let desk = Arc::new(Desk {
            peers: PeerList::load(&keys.peers.file, &keys.peers.root, clock.now_ms()).unwrap(),
            clock,
            acquisition: AcquisitionKeyPair::from_bytes(&acquisition).unwrap(),
            codes: master(keys),
        });
        let (forward, asked) = mpsc::channel(256);
        let (connected, current) = watch::channel(None);
        tokio::spawn(accept(endpoint, Arc::clone(&desk), connected, forward));
        Self { address, desk, current, asked: Mutex::new(asked) }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The live connection to the portal, waiting for one.
    pub(crate) async fn connected(&self) -> PeerConnection {
        let mut current = self.current.clone();
        let live = current.wait_for(|peer| peer.as_ref().is_some_and(|peer| !peer.is_closed()));
        live.await.unwrap().clone().unwrap()
    }

    /// The portal's next request to a body.
    pub(crate) async fn next(&self) -> AcceptedRequest {
        self.asked.lock().await.recv().await.unwrap()
    }

    /// The key of the permits of the live connection.
    pub(crate) async fn permit_key(&self) -> PermitKey {
        PermitKey::from_bytes(*self.connected().await.export_key(EXPORT_LABEL, b"").unwrap())
    }
}

impl Desk {
    /// A permit for a request towards the portal.
    pub(crate) fn permit(&self, key: &PermitKey, hash: HeaderHash, person: Option<PersonCode>) -> Permit {
        let (legal_basis, broker) = ("test".into(), "broker-a".into());
        let terms = PermitTerms { person, previous: None, legal_basis, broker, number: 1 };
        issue(key, hash, terms, self.clock.now_ms()).unwrap()
    }

    /// The person behind the part of an acquisition number that brokers open.
    pub(crate) fn person(&self, party: &str, part: &[u8]) -> Option<u64> {
        let registry = self.peers.registry();
        open_broker_part(part, &self.acquisition, registry, party, self.clock.now_ms()).ok()
    }

    /// The portal's own code of a person.
    pub(crate) fn portal_code(&self, person: u64) -> PersonCode {
        PersonCode(self.codes.party(&format!("portal/{PORTAL}")).encode(person))
    }
}

fn master(keys: &Keys) -> CodeMaster {
    let secret = key_file::read_array(&keys.broker.code_master).unwrap();
    CodeMaster::new(FIRST_VERSION, *secret).unwrap()
}

async fn accept(
    endpoint: ServerEndpoint,
    desk: Arc<Desk>,
    connected: watch::Sender<Option<PeerConnection>>,
    forward: mpsc::Sender<AcceptedRequest>,
) {
    while let Some(pending) = endpoint.accept().await {
        let peer = pending.establish().await.unwrap();
        connected.send_replace(Some(peer.clone()));
        tokio::spawn(serve(peer, Arc::clone(&desk), forward.clone()));
    }
}

async fn serve(peer: PeerConnection, desk: Arc<Desk>, forward: mpsc::Sender<AcceptedRequest>) {
    while let Ok((send, recv)) = peer.accept().await {
        let (desk, forward) = (Arc::clone(&desk), forward.clone());
        tokio::spawn(async move {
            let Ok(mut request) = accept_request(send, recv).await else { return };
            if request.header.kind != Kind::AcquireCodes {
                // Nobody takes it any more once its test is over.
                let _ = forward.send(request).await;
                return;
            }
            let asked: AcquireRequest = request.recv.read_message().await.unwrap();
            let party = format!("portal/{PORTAL}");
            let code = |part: &serde_bytes::ByteBuf| Some(desk.portal_code(desk.person(&party, part)?));
            let codes = asked.parts.iter().map(code).collect();
            request.put_status(Outcome::Answered).await.unwrap();
            request.send.write_message(&AcquireReply { codes }).await.unwrap();
            request.send.finish().await.unwrap();
        });
    }
}
