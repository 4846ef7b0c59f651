//! Keeps one connection to each configured peer alive.
//!
//! What must hold: a connection is handed out only after the hook has done its part on it (for a node, the
//! announcement); tries are spaced by a growing, jittered wait, so that a restarted broker is not stormed. A
//! connection that shows a certificate which was replaced, or is old, is itself replaced: the new one is in use
//! before the old one takes nothing more, and what was begun on the old one is let end.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use chukei_wire::identity::Identity;
use chukei_wire::limits::DEADLINE_MAX_MS;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::clock::Clock;
use crate::connection::{CloseCode, ConnectionError, PeerConnection};
use crate::endpoint::{ClientEndpoint, EndpointError};
use crate::tls::HopCredentials;

/// First wait between two tries.
const WAIT_MIN: Duration = Duration::from_millis(100);
/// Longest wait between two tries.
const WAIT_MAX: Duration = Duration::from_secs(5);
/// Time the hook may take before the connection is given up.
const HOOK: Duration = Duration::from_secs(30);

/// Age at which a connection is replaced: keys are fresh, and certificates were looked at whole, at least so often.
const AGE: Duration = Duration::from_secs(4 * 3_600);
/// Time that what was begun on a replaced connection has to end: more than the longest deadline of a request.
const ENDING: Duration = Duration::from_millis(DEADLINE_MAX_MS as u64 + 5_000);

/// One peer to stay connected to.
#[derive(Clone, Debug)]
pub struct Target {
    /// Name in configuration and metrics.
    pub name: String,
    /// `host:port`, resolved anew at each try.
    pub address: String,
    /// Who must be there.
    pub identity: Identity,
}

/// The hook refused or failed on a fresh connection: it is closed and tried again later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the fresh connection was not taken into use")]
pub struct HookFailed;

/// What a hook returns.
pub type HookFuture = Pin<Box<dyn Future<Output = Result<(), HookFailed>> + Send>>;
/// Runs on each fresh connection before it is handed out; long-lived work is spawned by it.
pub type Hook = Arc<dyn Fn(String, PeerConnection) -> HookFuture + Send + Sync>;

/// A hook that does nothing.
pub fn no_hook() -> Hook {
    Arc::new(|_, _| Box::pin(async { Ok(()) }))
}

/// How a link stands, for metrics and readiness.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkState {
    /// Name of the target.
    pub name: String,
    /// Whether a connection is in use.
    pub connected: bool,
    /// Connections made so far.
    pub connects: u64,
    /// Tries that failed so far.
    pub failures: u64,
}

/// Dials every target and keeps dialling. Dropped, it closes what it has made.
pub struct Dialer {
    links: Arc<[Link]>,
    next: AtomicUsize,
    changed: watch::Sender<()>,
    tasks: JoinSet<()>,
}

struct Link {
    target: Target,
    live: ArcSwapOption<PeerConnection>,
    connects: AtomicU64,
    failures: AtomicU64,
}

struct Dialling {
    endpoint: ClientEndpoint,
    credentials: Arc<HopCredentials>,
    clock: Clock,
    hook: Hook,
}

impl Dialer {
    /// Starts one task for each target; must be called within a runtime.
    pub fn start(
        endpoint: ClientEndpoint,
        credentials: Arc<HopCredentials>,
        clock: Clock,
        targets: Vec<Target>,
        hook: Hook,
    ) -> Self {
        let links: Arc<[Link]> = targets.into_iter().map(Link::new).collect();
        let (changed, _) = watch::channel(());
        let dialling = Arc::new(Dialling { endpoint, credentials, clock, hook });
        let mut tasks = JoinSet::new();
        for index in 0..links.len() {
            let (links, changed, dialling) = (Arc::clone(&links), changed.clone(), Arc::clone(&dialling));
            tasks.spawn(async move {
                if let Some(link) = links.get(index) {
                    link.keep_alive(&dialling, &changed).await;
                }
            });
        }
        Self { links, next: AtomicUsize::new(0), changed, tasks }
    }

    /// The live connection to this target.
    pub fn current(&self, name: &str) -> Option<PeerConnection> {
        self.links.iter().find(|link| link.target.name == name)?.usable()
    }

    /// A live connection to any target, in turn.
    pub fn any(&self) -> Option<PeerConnection> {
        let start = self.next.fetch_add(1, Ordering::Relaxed);
        let count = self.links.len();
        (0..count).find_map(|step| self.links.get(start.wrapping_add(step) % count)?.usable())
    }

    /// Every live connection.
    pub fn all(&self) -> Vec<PeerConnection> {
        self.links.iter().filter_map(Link::usable).collect()
    }

    /// A live connection to any target, waiting for one until `deadline`.
    pub async fn wait_any(&self, deadline: Instant) -> Option<PeerConnection> {
        let mut changed = self.changed.subscribe();
        loop {
            if let Some(peer) = self.any() {
                return Some(peer);
            }
            tokio::time::timeout_at(deadline, changed.changed()).await.ok()?.ok()?;
        }
    }

    /// How many targets there are, connected or not.
    pub fn targets(&self) -> usize {
        self.links.len()
    }

    /// How each link stands.
    pub fn states(&self) -> Vec<LinkState> {
        self.links.iter().map(Link::state).collect()
    }

    /// Stops dialling and closes what is open.
    pub async fn shutdown(&mut self) {
        self.tasks.shutdown().await;
        self.close();
    }

    fn close(&self) {
        for link in self.links.iter() {
            if let Some(peer) = link.live.swap(None) {
                peer.close(CloseCode::Shutdown);
            }
        }
    }
}

impl Drop for Dialer {
    fn drop(&mut self) {
        self.tasks.abort_all();
        self.close();
    }
}

impl fmt::Debug for Dialer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Dialer").field(&self.states()).finish()
    }
}

impl Link {
    fn new(target: Target) -> Self {
        Self {
            target,
            live: ArcSwapOption::empty(),
            connects: AtomicU64::new(0),
            failures: AtomicU64::new(0),
        }
    }

    fn usable(&self) -> Option<PeerConnection> {
        self.live.load().as_deref().filter(|peer| !peer.is_closed()).cloned()
    }

    fn state(&self) -> LinkState {
        LinkState {
            name: self.target.name.clone(),
            connected: self.usable().is_some(),
            connects: self.connects.load(Ordering::Relaxed),
            failures: self.failures.load(Ordering::Relaxed),
        }
    }

    async fn keep_alive(&self, dialling: &Dialling, changed: &watch::Sender<()>) {
        let mut wait = WAIT_MIN;
        loop {
            if let Some(peer) = self.try_dial(dialling, wait == WAIT_MIN).await {
                let began = Instant::now();
                let end = self.keep(peer, dialling, changed).await;
                self.live.store(None);
                tracing::warn!(peer = %self.target.name, %end, "connection lost");
                // A peer that refuses our certificate does so only now: it is no reason to hurry.
                if began.elapsed() >= WAIT_MAX {
                    wait = WAIT_MIN;
                }
            }
            tokio::time::sleep(jittered(wait)).await;
            wait = (wait * 2).min(WAIT_MAX);
        }
    }

    /// Keeps a connection in use, and the newer ones that take its place; why the last of them ended.
    async fn keep(
        &self,
        mut peer: PeerConnection,
        dialling: &Dialling,
        changed: &watch::Sender<()>,
    ) -> ConnectionError {
        loop {
            self.connects.fetch_add(1, Ordering::Relaxed);
            let before = self.live.swap(Some(Arc::new(peer.clone())));
            changed.send_replace(());
            tracing::info!(peer = %self.target.name, "connected");
            if let Some(before) = before {
                tokio::spawn(let_end((*before).clone()));
            }
            let newer = async {
                dialling.outdated(&peer).await;
                let mut wait = WAIT_MIN;
                loop {
                    if let Some(newer) = self.try_dial(dialling, wait == WAIT_MIN).await {
                        return newer;
                    }
                    tokio::time::sleep(jittered(wait)).await;
                    wait = (wait * 2).min(WAIT_MAX);
                }
            };
            peer = tokio::select! {
                end = peer.closed() => return end,
                newer = newer => newer,
            };
        }
    }

    /// Dials once. Of a series of failures the first is told.
    async fn try_dial(&self, dialling: &Dialling, first: bool) -> Option<PeerConnection> {
        match self.dial(dialling).await {
            Ok(peer) => Some(peer),
            Err(reason) => {
                self.failures.fetch_add(1, Ordering::Relaxed);
                if first {
                    tracing::warn!(peer = %self.target.name, %reason, "not connected; trying on");
                }
                None
            }
        }
    }

    async fn dial(&self, dialling: &Dialling) -> Result<PeerConnection, DialError> {
        let address =
            tokio::net::lookup_host(&self.target.address).await.ok().and_then(|mut found| found.next());
        let address = address.ok_or(DialError::Unresolved)?;
        let Dialling { endpoint, credentials, clock, hook } = dialling;
        let peer = endpoint.connect(credentials, clock, address, &self.target.identity).await?;
        let mut fresh = Fresh { peer, used: false };
        let taken = tokio::time::timeout(HOOK, hook(self.target.name.clone(), fresh.peer.clone())).await;
        fresh.used = matches!(taken, Ok(Ok(())));
        if fresh.used { Ok(fresh.peer.clone()) } else { Err(HookFailed.into()) }
    }
}

impl Dialling {
    /// Until the connection is to be replaced.
    async fn outdated(&self, peer: &PeerConnection) {
        let mut replaced = self.credentials.followed().replaced();
        let renewed = async {
            while peer.shows_current_certificate() {
                // The sender lives in the credentials.
                let _ = replaced.changed().await;
            }
        };
        tokio::select! {
            () = renewed => {}
            () = tokio::time::sleep(jittered(AGE)) => {}
        }
    }
}

/// A connection that nobody uses yet: whoever has begun to serve it does not keep it when it is given up.
struct Fresh {
    peer: PeerConnection,
    used: bool,
}

impl Drop for Fresh {
    fn drop(&mut self) {
        if !self.used {
            self.peer.close(CloseCode::Shutdown);
        }
    }
}

/// Lets what was begun on a replaced connection end, and closes it.
async fn let_end(peer: PeerConnection) {
    if tokio::time::timeout(ENDING, peer.closed()).await.is_err() {
        peer.close(CloseCode::Shutdown);
    }
}

#[derive(Debug, thiserror::Error)]
enum DialError {
    #[error("the address cannot be resolved")]
    Unresolved,
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    #[error(transparent)]
    Hook(#[from] HookFailed),
}

/// Between half of `wait` and all of it. Without randomness, all of it.
fn jittered(wait: Duration) -> Duration {
    let [draw] = chukei_crypto::random::bytes::<1>().unwrap_or([u8::MAX]);
    wait / 2 + wait * u32::from(draw) / 510
}
