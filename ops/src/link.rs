//! The connection to the body's node, and what is asked on it.
//!
//! What must hold: every wait ends; a lost connection is told apart from a refusal, so that callers repeat only
//! what may be repeated.

mod conversation;
mod header;
mod proofs;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use chukei_domain::codes::AffairCode;
use chukei_relay_client::clock::Clock;
use chukei_relay_client::connection::{ConnectionError, PeerConnection};
use chukei_relay_client::endpoint::{ClientEndpoint, EndpointError, client_endpoint};
use chukei_relay_client::factor::Authenticator;
use chukei_relay_client::session::open_request;
use chukei_relay_client::tls::{DeviceCredentials, HopCredentials, Unfit};
use chukei_wire::body_code::BodyCode;
use chukei_wire::header::{Hop, Kind};
use chukei_wire::id::IdempotencyKey;
use chukei_wire::identity::Identity;
use chukei_wire::result::ResultName;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_bytes::ByteBuf;
use tokio::time::Instant;

use crate::acting::Acting;
use crate::config::StaffConfig;
use crate::failure::Failure;

pub(crate) use conversation::Conversation;
use conversation::{broken, fault};
pub(crate) use proofs::StepUp;

/// How long a node that was never reached is tried.
const FIRST_REACH: Duration = Duration::from_secs(5);
/// How long a command goes on without progress once the node has been reached.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
/// Pause before a lost connection is tried again.
const PAUSE: Duration = Duration::from_millis(250);
/// How long the node may take for one answer. Re-reading a body's whole log, or its rows, is the
/// longest work.
const ANSWER_WAIT: Duration = Duration::from_secs(60);
const LONG_ANSWER_WAIT: Duration = Duration::from_secs(600);
/// Time to tell the node that this side is leaving.
const FAREWELL: Duration = Duration::from_millis(200);

/// Why an exchange with the node did not come to its end.
#[derive(Debug)]
pub(crate) enum Fault {
    /// Repeating would end the same way.
    Final(Failure),
    /// May work after this pause; the failure is what to report if it does not.
    Later(Duration, Failure),
}

impl From<Failure> for Fault {
    fn from(failure: Failure) -> Self {
        Self::Final(failure)
    }
}

/// The way to the node.
pub(crate) struct NodeLink {
    config: StaffConfig,
    acting: Acting,
    affair: Option<AffairCode>,
    clock: Clock,
    credentials: Arc<HopCredentials>,
    device: Option<DeviceCredentials>,
    factors: Vec<Box<dyn Authenticator>>,
    endpoint: ClientEndpoint,
    peer: Option<PeerConnection>,
    reached: bool,
    /// The key of the one act that is asked for.
    idempotency_key: Option<IdempotencyKey>,
}

impl NodeLink {
    /// Loads the user's certificate and binds a local port. Nothing is sent yet. Needs a running tokio runtime.
    pub(crate) fn new(config: StaffConfig, acting: Acting) -> Result<Self, Failure> {
        let credentials = HopCredentials::open(config.tls_files()).map_err(|error| {
            Failure::usage("BAD_CONFIG", format!("証明書を使用できません: {error}。[tls] を確認してください"))
        })?;
        let device =
            config.device_files().map(|[certificate, key]| DeviceCredentials::load(&certificate, &key));
        let device = device.transpose().map_err(|error| {
            Failure::usage(
                "BAD_CONFIG",
                format!("端末の証明書を使用できません: {error}。[device] を確認してください"),
            )
        })?;
        let factors = config.authenticators()?;
        if credentials.identity().body() != config.body {
            let message = "証明書の団体が body と一致しません。設定の body と [tls] を確認してください";
            return Err(Failure::usage("BAD_CONFIG", message));
        }
        let clock = config.clock();
        credentials.fitness(clock.now_ms()).map_err(unfit)?;
        // A long command notices, too, when the node's certificate is revoked.
        tokio::spawn(credentials.follow(clock.clone(), |_| ()));
        let unspecified = match config.node.address.ip() {
            IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        };
        let endpoint = client_endpoint(SocketAddr::new(unspecified, 0))
            .map_err(|error| Failure::other("LOCAL_NETWORK", format!("通信を準備できません: {error}")))?;
        let affair = config.affair;
        Ok(Self {
            config,
            acting,
            affair,
            clock,
            credentials,
            device,
            factors,
            endpoint,
            peer: None,
            reached: false,
            idempotency_key: None,
        })
    }

    /// The body that is concerned.
    pub(crate) fn body(&self) -> Option<BodyCode> {
        self.acting.about(self.config.body)
    }

    /// The time that certificates are judged by, Unix milliseconds.
    pub(crate) fn now_ms(&self) -> u64 {
        self.clock.now_ms()
    }

    /// Repeats `attempt` while it fails for a reason that passes, for at most [`PATIENCE`]. Only for what may be
    /// done twice.
    pub(crate) async fn persist<T>(
        &mut self,
        mut attempt: impl AsyncFnMut(&mut Self) -> Result<T, Fault>,
    ) -> Result<T, Failure> {
        let (start, mut stepped_up) = (Instant::now(), StepUp::default());
        loop {
            match attempt(self).await {
                Ok(done) => return Ok(done),
                Err(Fault::Final(failure)) => self.step_up(&mut stepped_up, failure).await?,
                Err(Fault::Later(pause, failure)) if start.elapsed() + pause > PATIENCE => {
                    return Err(failure);
                }
                Err(Fault::Later(pause, _)) => tokio::time::sleep(pause).await,
            }
        }
    }

    /// Sends one message and reads the one that answers it.
    pub(crate) async fn ask<Q: Serialize, A: Serialize + DeserializeOwned>(
        &mut self,
        kind: Kind,
        question: &Q,
    ) -> Result<A, Failure> {
        self.exchange(kind, Some(question)).await
    }

    /// Reads the message that answers a call which says all by its kind.
    pub(crate) async fn ask_plain<A: Serialize + DeserializeOwned>(
        &mut self,
        kind: Kind,
    ) -> Result<A, Failure> {
        self.exchange::<(), A>(kind, None).await
    }

    /// Sends one message that is answered by no other.
    pub(crate) async fn tell<Q: Serialize>(&mut self, kind: Kind, message: &Q) -> Result<(), Failure> {
        self.persist(async |link| {
            let mut talk = link.open(kind).await?;
            talk.say(message).await?;
            talk.finish().await?;
            talk.end().await
        })
        .await
    }

    /// Asks for page after page until `take` returns no cursor to go on behind. A node that names the cursor which it was
    /// asked with would be asked for ever.
    pub(crate) async fn pages<Q: Serialize, P: Serialize + DeserializeOwned>(
        &mut self,
        kind: Kind,
        question: impl Fn(Option<ByteBuf>) -> Q,
        mut take: impl FnMut(P) -> Option<ByteBuf>,
    ) -> Result<(), Failure> {
        let mut talk: Option<Conversation> = None;
        let mut after: Option<ByteBuf> = None;
        loop {
            let asked = question(after.clone());
            let page: P = self
                .persist(async |link| {
                    let mut current = match talk.take() {
                        Some(open) => open,
                        None => link.open(kind).await?,
                    };
                    current.say(&asked).await?;
                    let page = current.hear().await?;
                    talk = Some(current);
                    Ok(page)
                })
                .await?;
            let next = take(page);
            if next.is_none() {
                break;
            }
            if next == after {
                return Err(broken());
            }
            after = next;
        }
        if let Some(mut talk) = talk {
            // All of the answer is here; only the node's log would tell a broken farewell.
            if talk.finish().await.is_ok() {
                let _ = talk.end().await;
            }
        }
        Ok(())
    }

    async fn exchange<Q: Serialize, A: Serialize + DeserializeOwned>(
        &mut self,
        kind: Kind,
        question: Option<&Q>,
    ) -> Result<A, Failure> {
        self.persist(async |link| {
            let mut talk = link.open(kind).await?;
            if let Some(question) = question {
                talk.say(question).await?;
            }
            talk.finish().await?;
            let answer = talk.hear().await?;
            talk.end().await?;
            Ok(answer)
        })
        .await
    }

    /// Opens a conversation, connecting first where needed.
    pub(crate) async fn open(&mut self, kind: Kind) -> Result<Conversation, Fault> {
        let peer = self.connected().await?;
        self.talk(&peer, kind).await
    }

    async fn talk(&self, peer: &PeerConnection, kind: Kind) -> Result<Conversation, Fault> {
        let header = self.header(kind)?;
        let request = open_request(peer, &header, &Hop { leave: self.acting.leave(), ..Hop::default() })
            .await
            .map_err(fault)?;
        let long = matches!(kind, Kind::AuditVerify | Kind::KeysStatus);
        let wait = if long { LONG_ANSWER_WAIT } else { ANSWER_WAIT };
        Ok(Conversation::new(request, wait))
    }

    /// Tells the node that this side is leaving.
    pub(crate) async fn close(&self) {
        self.endpoint.shutdown(FAREWELL).await;
    }

    async fn connected(&mut self) -> Result<PeerConnection, Fault> {
        if let Some(peer) = self.peer.as_ref().filter(|peer| !peer.is_closed()) {
            return Ok(peer.clone());
        }
        let until = Instant::now() + FIRST_REACH;
        loop {
            match self.connect(until).await {
                Ok(peer) => {
                    self.reached = true;
                    self.peer = Some(peer.clone());
                    return Ok(peer);
                }
                Err(Fault::Later(pause, _)) if Instant::now() + pause < until => {
                    tokio::time::sleep(pause).await;
                }
                Err(Fault::Later(_, failure)) if !self.reached => return Err(Fault::Final(failure)),
                Err(fault) => return Err(fault),
            }
        }
    }

    async fn connect(&self, until: Instant) -> Result<PeerConnection, Fault> {
        let node = Identity::Node(self.config.node.name.clone());
        let connect = self.endpoint.connect(&self.credentials, &self.clock, self.config.node.address, &node);
        match tokio::time::timeout_at(until, connect).await {
            Ok(Ok(peer)) => {
                self.prove(&peer).await?;
                Ok(peer)
            }
            Ok(Err(EndpointError::Connection(error))) if error.refuses_certificate() => Err(denied().into()),
            Ok(Err(EndpointError::Connection(ConnectionError::Unfit(Unfit::Revoked)))) => {
                let message = "ノードの証明書が失効しています。操作を止めて管理者に連絡してください";
                Err(Failure::unavailable(message).into())
            }
            Ok(Err(error @ (EndpointError::Tls(_) | EndpointError::Address | EndpointError::Bind(_)))) => {
                Err(Failure::other("LOCAL_NETWORK", format!("通信を開始できません: {error}")).into())
            }
            Ok(Err(_)) | Err(_) => Err(Fault::Later(PAUSE, self.unreachable())),
        }
    }

    fn unreachable(&self) -> Failure {
        let node = &self.config.node;
        Failure::unavailable(format!(
            "ノード {} ({}) に接続できません。ノードの稼働と証明書を確認してください",
            node.name, node.address
        ))
    }
}

/// The user's own certificate counts no more, as far as this side knows.
fn unfit(unfit: Unfit) -> Failure {
    match unfit {
        Unfit::Revoked => denied(),
        Unfit::Over => Failure::unavailable("証明書の有効期限が切れています。証明書を更新してください"),
        Unfit::NoList | Unfit::ListOver | Unfit::Untrusted => Failure::unavailable(
            "証明書失効リストがないか期限切れです。管理者に新しいリストを依頼してください",
        ),
    }
}

/// The node does not take the user's certificate.
fn denied() -> Failure {
    let message = "この証明書は受け付けられません。失効または期限切れでないか管理者に確認してください";
    Failure::refused(ResultName::Denied, message)
}
