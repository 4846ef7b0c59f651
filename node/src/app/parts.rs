//! What a node is made of, and the node that it becomes: not connected, and serving nobody yet.

use std::sync::{Arc, OnceLock};

use chukei_access::PolicyBook;
use chukei_domain::act::Waits;
use chukei_domain::catalogue::Catalogue;
use chukei_relay_client::channel::{ChannelLimits, Channels};
use chukei_relay_client::clock::Clock;
use chukei_relay_client::holds::Holds;
use chukei_relay_client::peers::WatchedPeers;
use chukei_relay_client::replay::ReplayWindow;
use chukei_wire::body_code::BodyCode;
use tokio::sync::{Notify, watch};

use super::Node;
use crate::access::observe::Observer;
use crate::admission::table::BodyLimits;
use crate::admission::{Admission, Bounds};
use crate::bodies::tries::FactorTries;
use crate::config::limits::{Limits, OwnLimits};
use crate::config::zones::ZoneSettings;
use crate::evidence::PermitEvidence;
use crate::expiry::Pace;
use crate::hosted::Bodies;
use crate::inbound::permits::Permits;
use crate::outbound::announcements::Announcements;
use crate::platform::WatchedPlatform;
use crate::renewal::CodeRenewals;
use crate::telemetry::metrics::Metrics;
use crate::witness::Witness;

/// Request ids remembered at once: forty thousand a second for the whole window, at about 30 bytes each.
const REPLAY_CAPACITY: usize = 3_000_000;

/// What a node is made of, besides what it makes itself.
pub struct Parts {
    /// Name.
    pub name: String,
    /// Clock.
    pub clock: Clock,
    /// Places of the bodies.
    pub bodies: Bodies,
    /// Catalogue.
    pub catalogue: Catalogue,
    /// Zones of the bodies' networks.
    pub zones: ZoneSettings,
    /// How long acts that two persons decide wait.
    pub two_person: Waits,
    /// Policies.
    pub policies: Arc<PolicyBook>,
    /// Peers.
    pub peers: WatchedPeers,
    /// Operators and maintenance of the platform.
    pub platform: WatchedPlatform,
    /// Metrics.
    pub metrics: Metrics,
    /// Bounds.
    pub limits: Limits,
    /// Bounds of each hosted body.
    pub body_bounds: Vec<(BodyCode, Bounds)>,
    /// Where evidence of permits goes.
    pub evidence: PermitEvidence,
    /// Days for which an epoch opens old keyrings.
    pub epochs_kept: u32,
    /// Names of the brokers configured.
    pub brokers: Vec<String>,
    /// Where the rules of the review queue begin.
    pub review: chukei_domain::review::Limits,
    /// Rows removed a second.
    pub rows_per_second: u32,
}

impl Node {
    /// A node that is not connected yet.
    pub fn new(parts: Parts) -> Self {
        let Parts { name, clock, bodies, catalogue, peers, metrics, limits, evidence, epochs_kept, .. } =
            parts;
        let (policies, zones) = (parts.policies, parts.zones);
        let admission = Admission::new(limits.in_flight);
        let usual = limits.bounds(OwnLimits::default());
        let body_limits = BodyLimits::new(&admission, parts.body_bounds, usual);
        let hold_ms = limits.integrity_hold_seconds.saturating_mul(1_000);
        let wakes = bodies.codes().map(|code| (code, Notify::new())).collect();
        let rotating = ChannelLimits::rotating(limits.channel_max_seconds, limits.channel_max_messages);
        let channels = Channels::new(rotating);
        channels.enforce(peers.load_full());
        Self {
            channels,
            holds: Holds::new(hold_ms),
            permits: Permits::new(evidence, hold_ms),
            replay: ReplayWindow::new(REPLAY_CAPACITY),
            admission,
            body_limits,
            log_disk: Arc::default(),
            watched_peers: Arc::new(peers),
            platform: Arc::new(parts.platform),
            factor_tries: FactorTries::default(),
            announcements: Announcements::default(),
            epochs_kept,
            broker_names: parts.brokers.clone(),
            witness: Witness::new(parts.brokers),
            review: parts.review,
            observer: Observer::default(),
            patterns: Arc::default(),
            zones,
            sweeping: Pace::new(parts.rows_per_second),
            serving: watch::channel(false).0,
            code_renewals: CodeRenewals::default(),
            dialer: OnceLock::new(),
            desk: OnceLock::new(),
            wakes,
            asked_to_stop: Notify::new(),
            stop: watch::channel(false).0,
            name,
            clock,
            bodies,
            shipped_catalogue: Arc::new(catalogue),
            two_person: parts.two_person,
            policies,
            metrics,
            limits,
        }
    }
}
