//! A running broker, and what tests say to it.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use chukei_keys::{FileProvider, KeyProvider};
use chukei_node::broker::BrokerError;
use chukei_node::config::broker::BrokerConfig;
use chukei_relay_client::clock::Clock;
use chukei_relay_client::connection::PeerConnection;
use chukei_relay_client::endpoint::{ClientEndpoint, client_endpoint};
use chukei_relay_client::peers::{PeerList, WatchedPeers};
use chukei_relay_client::request_id;
use chukei_relay_client::session::{AcceptedRequest, OpenRequest, accept_request, open_request};
use chukei_relay_client::tls::HopCredentials;
use chukei_wire::codec::encode;
use chukei_wire::frame::Outcome;
use chukei_wire::header::{Direction, Header, Hop, Kind, PersonCode};
use chukei_wire::id::ChannelId;
use chukei_wire::limits::VERSION;
use chukei_wire::message::control::{AcquireReply, AcquireRequest, Announce, Delegation, DelegationClaims};
use tempfile::TempDir;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::keys::{BODIES, Keys};

pub(crate) const PORTAL: &str = "chukei://portal/mynaportal";
pub(crate) const NODE: &str = "chukei://node/node-a";
/// Time for what is to succeed; only a fault reaches it.
pub(crate) const LONG_MS: u32 = 30_000;

pub(crate) struct Stage {
    pub(crate) keys: Keys,
    pub(crate) dir: TempDir,
    pub(crate) metrics: SocketAddr,
    pub(crate) stop: watch::Sender<bool>,
    pub(crate) running: JoinHandle<Result<(), BrokerError>>,
    #[cfg(feature = "faults")]
    pub(crate) faults: std::sync::Arc<chukei_node::broker::faults::BrokerFaults>,
    config: BrokerConfig,
    client: ClientEndpoint,
}

impl Stage {
    pub(crate) async fn set() -> Self {
        Self::with("").await
    }

    /// A broker with these lines behind its configuration.
    pub(crate) async fn with(more: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let keys = Keys::make(dir.path());
        let roots = dir.path().join("roots");
        fs::create_dir(&roots).unwrap();
        FileProvider::new(&roots, &roots).make_root(&"broker-a".parse().unwrap(), 1).unwrap();
        let metrics = chukei_ports::free().unwrap();
        let relay = chukei_ports::free().unwrap();
        let text = format!(
            "name = \"broker-a\"\ndevelopment = true\ndata_dir = \"data\"\nacquisition_key = \"acquisition.key\"\n\
             permit_key = \"permit.key\"\nwitness_key = \"witness.key\"\n\
             [[code_masters]]\nversion = 1\nfile = \"code-master.key\"\n[listen]\nrelay = \"{relay}\"\nmetrics = \"{metrics}\"\n\
             [tls]\ncertificate = \"broker-broker-a.pem\"\nkey = \"broker-broker-a.key\"\nauthority = \"ca.pem\"\n\
             [peers]\nfile = \"peers.json\"\nroot = \"peer-root.pub\"\n\
             [keys]\nprovider = \"file\"\nroots = \"roots\"\nepochs = \"epochs\"\n\
             [legal_basis]\nself_info = \"basis of requests\"\nnotice = \"basis of notices\"\n{more}\n"
        );
        let path = dir.path().join("broker.toml");
        fs::write(&path, text).unwrap();
        let config = BrokerConfig::load(&path).unwrap();
        let client = client_endpoint("127.0.0.1:0".parse().unwrap()).unwrap();
        let mut stage = Self {
            keys,
            dir,
            metrics,
            stop: watch::channel(false).0,
            running: tokio::spawn(async { Ok(()) }),
            #[cfg(feature = "faults")]
            faults: Default::default(),
            config,
            client,
        };
        stage.start().await;
        stage
    }

    /// Whether it adopts its copies when it is started next.
    pub(crate) fn adopt(&mut self, adopt: bool) {
        self.config.adopt_copies = adopt;
    }

    /// Runs it on the same folder to its end.
    pub(crate) async fn run(&self) -> Result<(), BrokerError> {
        chukei_node::broker::run(self.config.clone(), watch::channel(false).1).await
    }

    /// Stops the broker.
    pub(crate) async fn stopped(&mut self) {
        self.stop.send_replace(true);
        (&mut self.running).await.unwrap().unwrap();
    }

    pub(crate) async fn start(&mut self) {
        let (stop, stopped) = watch::channel(false);
        self.stop = stop;
        let config = self.config.clone();
        #[cfg(feature = "faults")]
        let run = chukei_node::broker::run_with_faults(config, stopped, self.faults.clone());
        #[cfg(not(feature = "faults"))]
        let run = chukei_node::broker::run(config, stopped);
        self.running = tokio::spawn(run);
        self.listening().await;
    }

    /// Starts a broker again on the same folder.
    pub(crate) async fn restart(&mut self) {
        self.stopped().await;
        self.start().await;
    }

    /// The metrics endpoint opens after the relay endpoint has.
    async fn listening(&self) {
        while self.page("/healthz").await.is_none() {
            assert!(!self.running.is_finished(), "the broker has ended");
            tokio::task::yield_now().await;
        }
    }

    /// Status code and text of a page of the metrics endpoint.
    pub(crate) async fn page(&self, path: &'static str) -> Option<(u16, String)> {
        page_of(self.metrics, path).await
    }

    /// The peer list as everybody reads it.
    pub(crate) fn peer_list(&self) -> std::sync::Arc<PeerList> {
        let [file, root] = ["peers.json", "peer-root.pub"].map(|name| self.dir.path().join(name));
        WatchedPeers::open(file, root, Clock::system().now_ms()).unwrap().load_full()
    }

    /// Waits until the page shows `text`.
    pub(crate) async fn shows(&self, path: &'static str, text: &str) {
        shows_at(self.metrics, path, text).await;
    }

    pub(crate) async fn connect(&self, uri: &str) -> PeerConnection {
        self.connect_to(uri, "broker-a", self.config.listen.relay).await
    }

    /// The broker's address for peers.
    pub(crate) fn relay(&self) -> SocketAddr {
        self.config.listen.relay
    }

    pub(crate) async fn connect_to(&self, uri: &str, broker: &str, address: SocketAddr) -> PeerConnection {
        let (certificate, key) = self.keys.certificate(uri);
        let credentials = HopCredentials::load(&certificate, &key, &self.dir.path().join("ca.pem")).unwrap();
        let broker = format!("chukei://broker/{broker}").parse().unwrap();
        self.client.connect(&credentials, &Clock::system(), address, &broker).await.unwrap()
    }

    /// A portal and a node that has announced both bodies.
    pub(crate) async fn peers(&self) -> (PeerConnection, PeerConnection) {
        let (portal, node) = (self.connect(PORTAL).await, self.connect(NODE).await);
        assert_eq!(self.announce(&node, "node-a", 1).await, Outcome::Answered);
        self.shows("/readyz", "\r\n\r\nready").await;
        (portal, node)
    }

    /// Announces every body, by delegations for the node of this name.
    pub(crate) async fn announce(&self, node: &PeerConnection, name: &str, epoch: u64) -> Outcome {
        self.announce_under(&self.keys.bodies, node, name, epoch).await
    }

    /// The same under these identities of the bodies.
    pub(crate) async fn announce_under(
        &self,
        identities: &[chukei_crypto::sign::IdentityKey],
        node: &PeerConnection,
        name: &str,
        epoch: u64,
    ) -> Outcome {
        let delegation = |(code, key): (&&str, &chukei_crypto::sign::IdentityKey)| {
            let claims = DelegationClaims {
                body: code.parse().unwrap(),
                node: name.into(),
                epoch,
                not_after_ms: u64::MAX,
            };
            let signature = key.sign(&encode(&claims).unwrap()).unwrap().to_vec();
            Delegation { claims, signature }
        };
        let delegations = BODIES.iter().zip(identities).map(delegation).collect();
        let mut open = open_request(node, &header(Kind::Announce), &Hop::default()).await.unwrap();
        open.send.write_message(&Announce { delegations }).await.unwrap();
        open.send.finish().await.unwrap();
        open.read_status().await.unwrap()
    }

    /// The codes of `person` that a peer is given for its own party.
    pub(crate) async fn code(&self, peer: &PeerConnection, party: &str, person: u64) -> PersonCode {
        let parts = vec![self.keys.broker_part(party, person)];
        self.acquire(peer, party, parts).await.unwrap().codes[0].unwrap()
    }

    pub(crate) async fn acquire(
        &self,
        peer: &PeerConnection,
        party: &str,
        parts: Vec<serde_bytes::ByteBuf>,
    ) -> Result<AcquireReply, Outcome> {
        let body = party.strip_prefix("body/").map(|code| code.parse().unwrap());
        let header = Header { body, ..header(Kind::AcquireCodes) };
        let mut open = open_request(peer, &header, &Hop::default()).await.unwrap();
        open.send.write_message(&AcquireRequest { parts }).await.unwrap();
        open.send.finish().await.unwrap();
        match open.read_status().await.unwrap() {
            Outcome::Answered => Ok(open.recv.read_message().await.unwrap()),
            other => Err(other),
        }
    }
}

/// A header of `kind` between portal `mynaportal` and body 982016.
pub(crate) fn header(kind: Kind) -> Header {
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
        request_id: request_id::fresh(Clock::system().now_ms()).unwrap(),
        body: travels.then(|| BODIES[0].parse().unwrap()),
        portal: travels.then(|| "mynaportal".to_owned()),
        affair: None,
        datasets: if kind == Kind::SelfInfo { vec!["TM00000000000002".to_owned()] } else { Vec::new() },
        channel: (travels && kind != Kind::ChannelSetup).then_some(ChannelId([1; 16])),
        deadline_ms: LONG_MS,
        idempotency_key: None,
        retry_of: None,
        authn_ref: None,
    }
}

/// The sender's hop part for a person.
pub(crate) fn about(code: PersonCode) -> Hop {
    Hop { sender_code: Some(code), permit: None, leave: None }
}

/// The next request that reaches a peer.
pub(crate) async fn heard(peer: &PeerConnection) -> AcceptedRequest {
    let (send, recv) = peer.accept().await.unwrap();
    accept_request(send, recv).await.unwrap()
}

/// Asks and ends the request's own direction at once.
pub(crate) async fn ask(peer: &PeerConnection, header: &Header, hop: &Hop) -> OpenRequest {
    let mut open = open_request(peer, header, hop).await.unwrap();
    open.send.finish().await.unwrap();
    open
}

/// The outer outcome of a request without a body.
pub(crate) async fn outcome(peer: &PeerConnection, header: &Header, hop: &Hop) -> Outcome {
    ask(peer, header, hop).await.read_status().await.unwrap()
}

/// The outer outcome of a request without a body that `receiver` answers.
pub(crate) async fn answered(
    asker: &PeerConnection,
    receiver: &PeerConnection,
    header: &Header,
    hop: &Hop,
) -> Outcome {
    let answering = async { heard(receiver).await.end_with(Outcome::Answered).await.unwrap() };
    tokio::join!(outcome(asker, header, hop), answering).0
}

/// Status code and text of a page of a metrics endpoint.
pub(crate) async fn page_of(address: SocketAddr, path: &'static str) -> Option<(u16, String)> {
    tokio::task::spawn_blocking(move || {
        let mut stream = TcpStream::connect(address).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(10))).ok()?;
        let request = format!("GET {path} HTTP/1.1\r\nHost: broker\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).ok()?;
        let mut text = String::new();
        stream.read_to_string(&mut text).ok()?;
        Some((text.split(' ').nth(1)?.parse().ok()?, text))
    })
    .await
    .unwrap()
}

/// Waits until the page shows `text`.
pub(crate) async fn shows_at(address: SocketAddr, path: &'static str, text: &str) {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let page = page_of(address, path).await;
        if page.as_ref().is_some_and(|(_, page)| page.contains(text)) {
            return;
        }
        assert!(Instant::now() < deadline, "{path} never showed {text}: {page:?}");
    }
}
