//! Each hosted body by itself: opened as soon as it can be, watched while it is served, shut while something it
//! stands on is gone, and served again when that is back. One that another node owns is waited for.
//!
//! What must hold: one body's bad keyring, missing provider or unreadable store stops neither the node nor another
//! body; nothing of it is served meanwhile, and nothing is made in the place of what is missing. Tries are bounded in
//! rate and go on for as long as the node runs, because only operators can say that a fault is for good.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chukei_domain::day::day_of;
use chukei_keys::KeyProvider;
use chukei_relay_client::replay::NOTED_MS;
use chukei_store::EngineKind;
use chukei_store::image::ImageError;
use chukei_wire::body_code::BodyCode;
use chukei_wire::result::ResultName;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::app::Node;
use crate::bodies::call::CallError;
use crate::config::serve::{BodyConfig, NodeConfig};
use crate::home::Home;
use crate::hosted::HostedBody;
use crate::hosted::body::{BodyFacts, BodyKeyFiles};
use crate::hosted::identity::IdentityPlace;
use crate::key_gate::{Cause, Fault, LOOK_EVERY, look_and_set};
use crate::outbound::announce::announce;
use crate::register::{self, Founding};
use crate::{acts, erasure, expiry, inbound, outbound, review, rotation, undisclosed};

/// Pauses between tries to open a body.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LAST_PAUSE: Duration = Duration::from_secs(5);
/// The longest to open one that another node owns: it is taken over soon after that node's lease has ended.
const LAST_PAUSE_OWNED: Duration = Duration::from_secs(1);
/// The longest pause between tries to mend a partition.
const LAST_PAUSE_MEND: Duration = Duration::from_secs(2);
/// Bodies opened at once.
const OPENINGS: usize = 16;
/// Time the first tries may take before the node goes on without those that are not done.
const FIRST_TRIES: Duration = Duration::from_secs(20);

/// What every body is opened with.
pub struct Opener {
    home: Home,
    provider: Arc<dyn KeyProvider>,
    config: NodeConfig,
    turns: Semaphore,
}

impl Opener {
    /// An opener for the bodies of `config`.
    pub fn new(home: Home, provider: Arc<dyn KeyProvider>, config: NodeConfig) -> Self {
        Self { home, provider, config, turns: Semaphore::new(OPENINGS) }
    }

    async fn open(&self, body: &BodyConfig, today: u32) -> Result<HostedBody, Fault> {
        let facts = BodyFacts {
            code: body.code,
            portal: body.portal.clone(),
            affairs: body.affairs.iter().filter_map(|code| code.parse().ok()).collect(),
            awaited: body.awaited,
        };
        let identity = IdentityPlace::of(&body.identity_key, &self.config.keys, &self.config.base);
        let files = BodyKeyFiles {
            identity: identity.map_err(|error| Fault::new(Cause::Files, error))?,
            acquisition: self.config.path(&body.acquisition_key),
        };
        HostedBody::open(&self.home, facts, files, self.provider.clone(), today).await
    }

    fn founding(&self, body: &BodyConfig) -> Option<Founding> {
        let document = self.config.path(body.founding.as_ref()?);
        Some(Founding { document, root: self.config.path(&self.config.peers.root) })
    }
}

/// Supervises every body of the configuration; returns once each has been tried.
pub async fn start(node: &Arc<Node>, opener: Opener) {
    let opener = Arc::new(opener);
    let (tried, mut all_tried) = mpsc::channel(1);
    for body in &opener.config.bodies {
        tokio::spawn(supervise(node.clone(), opener.clone(), body.clone(), tried.clone()));
    }
    drop(tried);
    if tokio::time::timeout(FIRST_TRIES, all_tried.recv()).await.is_err() {
        tracing::warn!("some bodies are still being opened");
    }
}

async fn supervise(node: Arc<Node>, opener: Arc<Opener>, config: BodyConfig, tried: mpsc::Sender<()>) {
    let mut tried = Some(tried);
    while let Some(body) = opened(&node, &opener, &config, &mut tried).await {
        node.served().await;
        let mut work = JoinSet::new();
        work.spawn(outbound::deliver::run(node.clone(), body.clone()));
        work.spawn(outbound::poll::run(node.clone(), body.clone()));
        work.spawn(expiry::run(node.clone(), body.clone()));
        work.spawn(rotation::run(node.clone(), body.clone()));
        work.spawn(erasure::run(node.clone(), body.clone()));
        work.spawn(review::run(node.clone(), body.clone()));
        work.spawn(acts::run(node.clone(), body.clone()));
        work.spawn(undisclosed::run(node.clone(), body.clone()));
        work.spawn(inbound::outcomes::run(node.clone(), body.clone()));
        match watch(&node, &body).await {
            Watched::Stopping => {
                // What is begun ends by itself.
                work.detach_all();
                return;
            }
            Watched::TakenOver => {
                work.shutdown().await;
                let fault = Fault::new(Cause::Fenced, "another node has taken the body over");
                tell(&node, config.code, Some(&fault));
                leave(&node, body, fault).await;
            }
            Watched::Erased => {
                work.shutdown().await;
                leave(&node, body, Fault::new(Cause::Erased, "the body is erased: its files are removed"))
                    .await;
            }
        }
    }
}

/// Lets go of a body: of its place, its keys, its channels and its delegation.
async fn leave(node: &Node, body: Arc<HostedBody>, fault: Fault) {
    node.bodies.leave(body.code(), fault);
    node.channels.leave(body.code());
    node.count_faults();
    drop(body);
    announce_to_all(node).await;
}

/// Tries until the body is open; `None` when the node stops first. `tried` is dropped after the first try.
async fn opened(
    node: &Arc<Node>,
    opener: &Arc<Opener>,
    config: &BodyConfig,
    tried: &mut Option<mpsc::Sender<()>>,
) -> Option<Arc<HostedBody>> {
    let mut pause = FIRST_PAUSE;
    loop {
        let longest = match try_open(node, opener, config).await {
            Ok(body) => {
                let entered = enter(node, body).await;
                drop(tried.take());
                return entered;
            }
            Err(fault) => {
                let longest =
                    if fault.cause == Cause::OwnedElsewhere { LAST_PAUSE_OWNED } else { LAST_PAUSE };
                if node.bodies.note(config.code, fault.clone()) {
                    tell(node, config.code, Some(&fault));
                }
                longest
            }
        };
        drop(tried.take());
        if !node.sleep(pause.min(longest)).await {
            return None;
        }
        pause = (pause * 2).min(longest);
    }
}

/// Puts an open body in its place and lets it be served.
async fn enter(node: &Arc<Node>, body: HostedBody) -> Option<Arc<HostedBody>> {
    let listed = node.peers().body(&body.code()).map(|peer| peer.identities.clone());
    body.identity_keys().choose(listed.as_ref());
    // Brokers hear of it before anybody is served: until then they know nothing of this body.
    body.gate().set(Some(Fault::new(Cause::Opening, "not announced yet")));
    let body = node.bodies.enter(body)?;
    announce_to_all(node).await;
    body.gate().set(body.ended());
    node.count_faults();
    Some(body)
}

/// A log that came back from a backup says so, before anything else happens.
async fn tell_of_restore(node: &Node, body: &HostedBody) -> Result<(), CallError> {
    let rows = body.rows_as_they_are();
    let unread = |error: ImageError| {
        tracing::error!(code = error.code(), "rows about the partition itself");
        CallError::NotNow(ResultName::NotReady)
    };
    let Some(restored) = rows.restored().await.map_err(unread)? else { return Ok(()) };
    body.audit().restored(&node.actor(), restored, node.clock.now_ms()).await?;
    acts::call_off_restored(node, body).await?;
    rows.told_of_restore().await.map_err(unread)
}

/// A broker that does not hear of it now hears of it when it is connected anew or the delegations are renewed.
async fn announce_to_all(node: &Node) {
    for broker in node.brokers() {
        if let Err(error) = announce(node, &broker).await {
            tracing::warn!(broker = broker.identity().name(), %error, "not announced");
        }
    }
}

async fn try_open(node: &Node, opener: &Arc<Opener>, config: &BodyConfig) -> Result<HostedBody, Fault> {
    let _turn = opener.turns.acquire().await;
    let today = day_of(node.clock.now_ms());
    let body = opener.open(config, today).await?;
    recall(node, &opener.home, &body).await?;
    // Before that, acts of then would go on as if nobody had called them off since.
    let told = tell_of_restore(node, &body).await;
    told.map_err(|error| Fault::new(Cause::Opening, format!("a restore is not in the log yet: {error}")))?;
    let founding = opener.founding(config);
    register::open(&body, &node.policies, founding.as_ref(), &node.actor(), node.clock.now_ms()).await?;
    body.recall_catalogue().await.map_err(|error| Fault::new(Cause::Damaged, error))?;
    // Last: once it was done it is not done again.
    close_open_requests(node, &body).await?;
    Ok(body)
}

/// Whatever was authorised has its outcome at the latest now.
async fn close_open_requests(node: &Node, body: &HostedBody) -> Result<(), Fault> {
    let (log, actor, now_ms) = (body.audit().clone(), node.actor(), node.clock.now_ms());
    let closing = tokio::task::spawn_blocking(move || log.close_open_requests(&actor, now_ms));
    let closed =
        closing.await.map_err(|_| Fault::new(Cause::Opening, "a look at open requests broke off"))??;
    if closed > 0 {
        tracing::warn!(body = %body.code(), closed, "requests left open by a stop are closed as unknown");
    }
    Ok(())
}

/// Request ids that are used stay so (R22), whoever noted them: where the log lies on a server, another node may have; and
/// one that came out of a backup brings them along. What else is in files was read when the node started.
async fn recall(node: &Node, home: &Home, body: &HostedBody) -> Result<(), Fault> {
    let rows = body.rows_as_they_are();
    if rows.engine() != EngineKind::Postgres && rows.restored().await?.is_none() {
        return Ok(());
    }
    let since_ms = node.clock.now_ms().saturating_sub(NOTED_MS);
    node.replay.restore(home.used_ids(body.code().as_str(), since_ms).await?);
    Ok(())
}

/// Why a body is not watched any more.
enum Watched {
    /// The node stops.
    Stopping,
    /// Another node serves the body.
    TakenOver,
    /// Its erasure is over: it is opened anew, with nothing but its log.
    Erased,
}

/// Looks at what the body stands on.
async fn watch(node: &Node, body: &Arc<HostedBody>) -> Watched {
    let mut mend = Mend::default();
    loop {
        tokio::select! {
            going_on = node.sleep(LOOK_EVERY) => if !going_on {
                return Watched::Stopping;
            },
            () = body.erasing().over() => return Watched::Erased,
            () = body.met_fault() => if let Some(fault) = body.gate().fault() {
                tell(node, body.code(), Some(&fault));
            },
        }
        if body.is_fenced() {
            return Watched::TakenOver;
        }
        let in_store = Arc::new(AtomicBool::new(false));
        let look = body.clone().look(mend.is_due(), in_store.clone());
        let late = || match in_store.load(Ordering::Acquire) {
            true => Fault::new(Cause::StoreUnreachable, "the store does not answer in time"),
            false => Fault::silent_provider(),
        };
        look_and_set(body.gate(), look, late, |fault| tell(node, body.code(), fault)).await;
        mend.looked(body.gate().fault().is_some());
    }
}

/// When it is tried again whether a partition's fault is over: soon at first, then every two seconds.
struct Mend {
    due: Instant,
    pause: Duration,
}

impl Default for Mend {
    fn default() -> Self {
        Self { due: Instant::now(), pause: LOOK_EVERY }
    }
}

impl Mend {
    fn is_due(&self) -> bool {
        Instant::now() >= self.due
    }

    fn looked(&mut self, faulty: bool) {
        if !faulty {
            *self = Self::default();
        } else if self.is_due() {
            self.due = Instant::now() + self.pause;
            self.pause = (self.pause * 2).min(LAST_PAUSE_MEND);
        }
    }
}

/// Logs and counts a change.
fn tell(node: &Node, body: BodyCode, fault: Option<&Fault>) {
    node.count_faults();
    match fault {
        Some(fault) if fault.cause == Cause::OwnedElsewhere => {
            tracing::info!(%body, cause = fault.cause.as_str(), %fault, "body waited for");
        }
        Some(fault) if fault.cause == Cause::Tampered => {
            node.metrics.alarm("config_tampered", &body);
            tracing::error!(%body, %fault, "body not ready");
        }
        Some(fault) => tracing::error!(%body, cause = fault.cause.as_str(), %fault, "body not ready"),
        None => tracing::info!(%body, "body ready again"),
    }
}
