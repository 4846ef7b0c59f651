//! The broker's side: it lets the portal in, exchanges acquisition numbers, and issues permits. Requests of the
//! portal to bodies are handed to the test.

use std::net::SocketAddr;
use std::sync::Arc;

use chukei_crypto::acquisition::{AcquisitionKeyPair, open_broker_part};
use chukei_crypto::permit::Epoch;
use chukei_crypto::person_code::{CodeMaster, FIRST_VERSION};
use chukei_crypto::sign::SigningKey;
use chukei_relay_client::clock::Clock;
use chukei_relay_client::connection::PeerConnection;
use chukei_relay_client::endpoint::{ServerEndpoint, ServerLimits, server_endpoint};
use chukei_relay_client::key_file;
use chukei_relay_client::peers::PeerList;
use chukei_relay_client::permit::{PermitBasis, PermitIssuer, PermitSession, RootKeeper, serve_roots};
use chukei_relay_client::session::{AcceptedRequest, accept_request};
use chukei_relay_client::tls::HopCredentials;
use chukei_wire::frame::Outcome;
use chukei_wire::header::{Kind, PersonCode};
use chukei_wire::id::HeaderHash;
use chukei_wire::message::control::{AcquireReply, AcquireRequest, PermitRoot, WantedEpoch};
use chukei_wire::message::exchange::{ExchangePage, ExchangeStatement};
use chukei_wire::permit::Permit;
use chukei_wire::result::ResultName;
use tokio::sync::{Mutex, mpsc, watch};

use crate::stage::{Keys, LOOPBACK, PORTAL};

/// A broker of one portal.
pub(crate) struct Broker {
    address: SocketAddr,
    pub(crate) desk: Arc<Desk>,
    current: watch::Receiver<Option<Connected>>,
    /// Requests of the portal that concern bodies.
    pub(crate) asked: Mutex<mpsc::Receiver<AcceptedRequest>>,
}

/// The portal's connection, and what it is permitted on it.
#[derive(Clone)]
struct Connected {
    peer: PeerConnection,
    permits: Arc<PermitIssuer>,
}

/// Signs roots, and keeps none.
struct Signer(SigningKey);

impl RootKeeper for Signer {
    fn key(&self) -> &SigningKey {
        &self.0
    }

    fn keep(&self, _: &Epoch, _: &PermitRoot) {}

    fn earlier(&self, _: &str, _: &WantedEpoch) -> Vec<PermitRoot> {
        Vec::new()
    }
}

/// What the broker knows.
pub(crate) struct Desk {
    pub(crate) clock: Clock,
    pub(crate) peers: PeerList,
    acquisition: AcquisitionKeyPair,
    codes: CodeMaster,
    signer: Signer,
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
            signer: Signer(
                SigningKey::from_pkcs8(&key_file::read(&keys.broker.permit_key).unwrap()).unwrap(),
            ),
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
        self.live().await.peer
    }

    async fn live(&self) -> Connected {
        let mut current = self.current.clone();
        let live = current.wait_for(|it| it.as_ref().is_some_and(|it| !it.peer.is_closed()));
        live.await.unwrap().clone().unwrap()
    }

    /// The portal's next request to a body.
    pub(crate) async fn next(&self) -> AcceptedRequest {
        self.asked.lock().await.recv().await.unwrap()
    }

    /// Issues the permits of the live connection.
    pub(crate) async fn permits(&self) -> Arc<PermitIssuer> {
        self.live().await.permits
    }
}

impl Desk {
    /// A permit for a request towards the portal.
    pub(crate) fn permit(
        &self,
        permits: &PermitIssuer,
        hash: HeaderHash,
        person: Option<PersonCode>,
    ) -> Permit {
        let basis = PermitBasis { person, previous: None, legal_basis: "test".into() };
        permits.issue(hash, basis, self.clock.now_ms()).unwrap()
    }

    /// A page of exchange records, as this broker signs it.
    pub(crate) fn page(&self, statement: ExchangeStatement) -> ExchangePage {
        let signature = self.signer.0.sign(&statement.signed_bytes().unwrap());
        ExchangePage { statement, signature }
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
    connected: watch::Sender<Option<Connected>>,
    forward: mpsc::Sender<AcceptedRequest>,
) {
    while let Some(pending) = endpoint.accept().await {
        let peer = pending.establish().await.unwrap();
        let session = PermitSession::of(&peer).unwrap();
        let permits = PermitIssuer::new(session, "broker-a", &peer.identity().to_string());
        let portal = Connected { peer, permits: Arc::new(permits) };
        connected.send_replace(Some(portal.clone()));
        tokio::spawn(serve(portal, Arc::clone(&desk), forward.clone()));
    }
}

async fn serve(portal: Connected, desk: Arc<Desk>, forward: mpsc::Sender<AcceptedRequest>) {
    while let Ok((send, recv)) = portal.peer.accept().await {
        let (desk, forward, permits) = (Arc::clone(&desk), forward.clone(), Arc::clone(&portal.permits));
        tokio::spawn(async move {
            let Ok(mut request) = accept_request(send, recv).await else { return };
            if request.header.kind == Kind::PermitRoots {
                // Ends with the connection.
                let _ = serve_roots(&permits, &desk.signer, request, std::future::pending()).await;
                return;
            }
            if request.header.kind == Kind::RenewCodes {
                // There is one version of codes here, and nothing to renew.
                let not_now = Outcome::RetryAfter(ResultName::NotReady, 1_000);
                let _ = request.end_with(not_now).await;
                return;
            }
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
