//! The serving node: what its handlers share, how it starts, and how it stops.

mod parts;

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use chukei_access::PolicyBook;
use chukei_domain::act::Waits;
use chukei_domain::catalogue::Catalogue;
use chukei_relay_client::channel::{Channels, Scope};
use chukei_relay_client::clock::Clock;
use chukei_relay_client::connection::PeerConnection;
use chukei_relay_client::dial::Dialer;
use chukei_relay_client::holds::Holds;
use chukei_relay_client::peers::{PeerList, WatchedPeers};
use chukei_relay_client::replay::ReplayWindow;
use chukei_wire::body_code::BodyCode;
use chukei_wire::header::{Header, Kind};
use chukei_wire::id::RequestId;
use chukei_wire::identity::Identity;
use chukei_wire::result::ResultName;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use crate::access::asked::Standing;
use crate::access::decision::{Decided, Judge, decide};
use crate::access::entered;
use crate::access::observe::{Observed, Observer};
use crate::access::pattern::Patterns;
use crate::admission::table::BodyLimits;
use crate::admission::{Admission, NotDone};
use crate::backup::outcome::{Exit, Failure};
use crate::bodies::call::{Call, CallError};
use crate::bodies::caller::Caller;
use crate::bodies::tries::FactorTries;
use crate::config::limits::Limits;
use crate::config::zones::ZoneSettings;
use crate::expiry::Pace;
use crate::hosted::Bodies;
use crate::inbound::permits::Permits;
use crate::key_gate::Cause;
use crate::log_disk::LogDisk;
use crate::outbound::announcements::Announcements;
use crate::platform::WatchedPlatform;
use crate::renewal::CodeRenewals;
use crate::telemetry::metrics::Metrics;
use crate::upkeep::Desk;
use crate::witness::Witness;

pub use parts::Parts;

/// Time one batch of a long call may take.
const BATCH_WAIT: Duration = Duration::from_secs(60);

/// Everything the node's handlers share.
pub struct Node {
    /// Name, as in the certificate.
    pub name: String,
    /// The one clock.
    pub clock: Clock,
    /// Hosted bodies.
    pub bodies: Bodies,
    /// The catalogue that comes with this build.
    pub shipped_catalogue: Arc<Catalogue>,
    /// How long acts that two persons decide wait.
    pub two_person: Waits,
    /// The policies in force: the shipped ones, and each body's as its register has them.
    pub policies: Arc<PolicyBook>,
    /// End-to-end channels.
    pub channels: Channels,
    /// Portals and bodies held off after a mismatch.
    pub holds: Holds<Scope>,
    /// Permits of brokers, and brokers held off.
    pub permits: Permits,
    /// Request ids in use.
    pub replay: ReplayWindow,
    /// Turns of all bodies' requests.
    pub admission: Admission,
    /// The limits of each body.
    pub body_limits: BodyLimits,
    /// How the disk of the log stands.
    pub log_disk: Arc<LogDisk>,
    /// Metrics.
    pub metrics: Metrics,
    /// Bounds.
    pub limits: Limits,
    /// Zones of the bodies' networks.
    pub zones: ZoneSettings,
    /// How identities have been asking.
    pub patterns: Arc<Patterns>,
    /// Operators and maintenance of the platform.
    pub platform: Arc<WatchedPlatform>,
    /// Failed proofs of factors.
    pub factor_tries: FactorTries,
    /// The signed peer list.
    pub watched_peers: Arc<WatchedPeers>,
    /// Announcements that are due.
    pub announcements: Announcements,
    /// Days for which an epoch opens old keyrings.
    pub epochs_kept: u32,
    /// The time that brokers vouch for.
    pub witness: Witness,
    /// Where the rules of the review queue begin.
    pub review: chukei_domain::review::Limits,
    /// Who looks at decisions.
    pub observer: Observer,
    /// The pace at which rows that nobody opens any more are removed.
    pub sweeping: Pace,
    serving: watch::Sender<bool>,
    /// Versions of person codes.
    pub code_renewals: CodeRenewals,
    broker_names: Vec<String>,
    dialer: OnceLock<Dialer>,
    desk: OnceLock<Desk>,
    wakes: HashMap<BodyCode, Notify>,
    asked_to_stop: Notify,
    stop: watch::Sender<bool>,
}

/// A request in work.
pub struct InWork(prometheus::IntGauge);

impl Drop for InWork {
    fn drop(&mut self) {
        self.0.dec();
    }
}

impl Node {
    /// The node itself, as events name it where nobody asked.
    pub fn actor(&self) -> String {
        Identity::Node(self.name.clone()).to_string()
    }

    /// The peer list in force.
    pub fn peers(&self) -> arc_swap::Guard<Arc<PeerList>> {
        self.watched_peers.load()
    }

    /// Takes the dialer into use; the first one stays.
    pub fn connect(&self, dialer: Dialer) {
        let _ = self.dialer.set(dialer);
    }

    /// Takes what upkeep works with into use; the first one stays.
    pub fn keep_up(&self, desk: Desk) {
        let _ = self.desk.set(desk);
    }

    /// What upkeep works with.
    pub(crate) fn desk(&self) -> Result<&Desk, Failure> {
        let absent =
            || Failure::new(Exit::Unavailable, "NOT_READY", "the node is not serving yet: try again");
        self.desk.get().ok_or_else(absent)
    }

    /// Somebody who may asks for a stop: as a signal would.
    pub(crate) fn ask_to_stop(&self) {
        self.asked_to_stop.notify_one();
    }

    /// Until a stop was asked for.
    pub async fn asked_to_stop(&self) {
        self.asked_to_stop.notified().await;
    }

    /// A connection to a broker that knows this node's bodies, waiting for one until `deadline`.
    pub async fn broker(&self, deadline: Instant) -> Option<PeerConnection> {
        self.dialer.get()?.wait_any(deadline).await
    }

    /// Every live connection to a broker.
    pub fn brokers(&self) -> Vec<PeerConnection> {
        self.dialer.get().map(Dialer::all).unwrap_or_default()
    }

    /// Names of the brokers configured, connected or not.
    pub fn broker_names(&self) -> &[String] {
        &self.broker_names
    }

    /// Lets the bodies' own work begin: brokers are being dialled.
    pub fn begin_serving(&self) {
        self.serving.send_replace(true);
    }

    /// Until the bodies' own work may begin.
    pub async fn served(&self) {
        let _ = self.serving.subscribe().wait_for(|serving| *serving).await;
    }

    /// Sets the gauges of bodies that cannot be served now.
    pub fn count_faults(&self) {
        self.bodies.show_faults(|faults| {
            for cause in Cause::ALL {
                let count = faults.values().filter(|fault| fault.cause == cause).count();
                let gauge = self.metrics.bodies_not_ready.with_label_values(&[cause.as_str()]);
                gauge.set(i64::try_from(count).unwrap_or(i64::MAX));
            }
        });
    }

    /// How many brokers are configured, connected or not.
    pub fn brokers_configured(&self) -> usize {
        self.dialer.get().map_or(0, Dialer::targets)
    }

    /// Counts a request as in work until the guard is dropped.
    pub fn begin(&self) -> InWork {
        self.metrics.in_flight.inc();
        InWork(self.metrics.in_flight.clone())
    }

    /// Whether the node is stopping.
    pub fn is_draining(&self) -> bool {
        *self.stop.borrow()
    }

    /// Begins the stop: nothing new is taken on.
    pub fn drain(&self) {
        self.stop.send_replace(true);
    }

    /// Changes to true when the stop begins.
    pub fn stopping(&self) -> watch::Receiver<bool> {
        self.stop.subscribe()
    }

    /// Sleeps; false when the node stops meanwhile.
    pub async fn sleep(&self, time: Duration) -> bool {
        let mut stop = self.stop.subscribe();
        tokio::time::timeout(time, stop.wait_for(|stop| *stop)).await.is_err()
    }

    /// Wakes the body's deliveries.
    pub fn wake_deliveries(&self, body: BodyCode) {
        if let Some(wake) = self.wakes.get(&body) {
            wake.notify_one();
        }
    }

    /// Until the body's deliveries are woken or the node stops.
    pub async fn next_delivery_wake(&self, body: BodyCode) {
        let mut stop = self.stop.subscribe();
        let woken = async {
            match self.wakes.get(&body) {
                Some(wake) => wake.notified().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = woken => {}
            _ = stop.wait_for(|stop| *stop) => {}
        }
    }

    /// What decisions are made with now.
    pub fn judge(&self) -> Judge<'_> {
        let (bodies, policies, patterns) = (&self.bodies, &self.policies, &self.patterns);
        Judge { bodies, policies, patterns, platform: &self.platform, now_ms: self.clock.now_ms() }
    }

    /// Decides whether `caller` may do within `scope` what `header` asks for, and counts how long that took. `standing`:
    /// what it is decided on again, where it may go on for long.
    pub fn decide(
        &self,
        caller: &Caller,
        scope: entered::Scope,
        header: &Header,
        standing: Option<Arc<dyn Standing>>,
    ) -> Decided {
        let began = Instant::now();
        let decided = decide(self.judge(), caller, scope, header, standing);
        self.metrics.decision_seconds.observe(began.elapsed().as_secs_f64());
        decided
    }

    /// Passes a decision on to whoever looks for unusual patterns (R7).
    pub fn observe(&self, observed: Observed) {
        if !self.observer.observe(observed) {
            self.metrics.unobserved.inc();
        }
    }

    /// Counts a request by kind and result, and logs that it ended.
    pub fn ended(&self, request: RequestId, kind: Kind, result: ResultName, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        tracing::debug!(request_id = %request, kind = kind.as_str(), %result, micros, "request ended");
        self.metrics.requests.with_label_values(&[kind.as_str(), result.as_str()]).inc();
        self.metrics.request_seconds.with_label_values(&[kind.as_str()]).observe(took.as_secs_f64());
    }

    /// Whether rows may be added to a body's.
    pub fn room(&self, body: BodyCode) -> Result<(), CallError> {
        Ok(self.body_limits.of(Some(body)).room()?)
    }

    /// Runs one batch of a long call in the call's turn, which it keeps until it is done: the work is past its point
    /// of no return once begun, and a deadline drops the wait for it, not the work.
    pub async fn admit_batch<F, T>(&self, call: &mut Call, work: F) -> Result<T, CallError>
    where
        F: Future<Output = Result<T, CallError>> + Send + 'static,
        T: Send + 'static,
    {
        self.log_disk.admits(call.header.kind)?;
        let turn = call.take_turn().await?;
        let task = tokio::spawn(async move {
            let _turn = turn;
            work.await
        });
        let done = tokio::time::timeout(BATCH_WAIT, task).await;
        done.map_or_else(
            |_| Err(CallError::from(NotDone::DeadlinePassed)),
            |joined| joined.unwrap_or(Err(CallError::NotNow(ResultName::NotReady))),
        )
    }
}
