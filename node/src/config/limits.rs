//! `[limits]` of a node, and what a body has of its own.

use std::time::Duration;

use serde::Deserialize;

use crate::admission::{Bounds, Pace};
use crate::config::ConfigError;

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;
/// The slowest pace at which a stream still gets through: its largest message is 1 MiB, and its caller waits 30 s.
const SLOWEST_KIB: u64 = 64;
/// What a share may be at most: the queue divides by it.
const WEIGHT_MAX: u32 = 100;

/// Bounds of a node. Every one has a default that suits one platform of a few hundred bodies.
#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
pub struct Limits {
    /// Requests in work at once, all bodies together.
    pub in_flight: usize,
    /// Requests in work at once of one body.
    pub in_flight_per_body: usize,
    /// Requests of one body that wait for their turn.
    pub waiting_per_body: usize,
    /// Milliseconds that a request waits for its turn at most.
    pub waiting_ms: u64,
    /// Requests a second of one body.
    pub requests_per_second_per_body: u32,
    /// Requests at once of one body, after a pause.
    pub burst_per_body: u32,
    /// KiB of messages a second that one body sends.
    pub kib_in_per_second_per_body: u64,
    /// KiB of messages a second that go out for one body.
    pub kib_out_per_second_per_body: u64,
    /// Calls at once of one body that read a whole log or every row.
    pub scans_per_body: usize,
    /// MiB that one body's rows may take before nothing is added to them.
    pub storage_mib_per_body: u64,
    /// Longest retention a notice may ask for, days.
    pub notice_retention_days: u32,
    /// Notice deliveries in work at once, per body.
    pub deliveries: usize,
    /// Seconds between polls of open notices' states.
    pub notice_poll_seconds: u64,
    /// Seconds for which a channel's peer is refused after a mismatch (R35).
    pub integrity_hold_seconds: u64,
    /// Seconds after which this side replaces an end-to-end channel that it has opened.
    pub channel_max_seconds: u64,
    /// Messages after which it does, both directions together. The side that answers must allow as many.
    pub channel_max_messages: u64,
    /// Seconds a drain may take after SIGTERM.
    pub drain_seconds: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            in_flight: 512,
            in_flight_per_body: 192,
            waiting_per_body: 64,
            waiting_ms: 1_000,
            requests_per_second_per_body: 1_000,
            burst_per_body: 10_000,
            kib_in_per_second_per_body: 64 * KIB,
            kib_out_per_second_per_body: 64 * KIB,
            scans_per_body: 2,
            storage_mib_per_body: 128 * KIB,
            notice_retention_days: 365,
            deliveries: 32,
            notice_poll_seconds: 60,
            integrity_hold_seconds: 30,
            channel_max_seconds: 3_600,
            channel_max_messages: 1 << 24,
            drain_seconds: 8,
        }
    }
}

/// Limits of one body that are not the usual ones.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default)]
pub struct OwnLimits {
    /// Its share of turns against other bodies that wait, 1 (the usual) to 100.
    pub weight: Option<u32>,
    /// Requests in work at once.
    pub in_flight: Option<usize>,
    /// Requests that wait for their turn.
    pub waiting: Option<usize>,
    /// Requests a second.
    pub requests_per_second: Option<u32>,
    /// Requests at once, after a pause.
    pub burst: Option<u32>,
    /// KiB of messages a second that it sends.
    pub kib_in_per_second: Option<u64>,
    /// KiB of messages a second that go out for it.
    pub kib_out_per_second: Option<u64>,
    /// Calls at once that read a whole log or every row.
    pub scans: Option<usize>,
    /// MiB that its rows may take.
    pub storage_mib: Option<u64>,
}

impl Limits {
    /// The bounds of a body with these limits of its own.
    pub fn bounds(&self, own: OwnLimits) -> Bounds {
        let bytes = |own: Option<u64>, usual: u64, unit: u64| own.unwrap_or(usual).saturating_mul(unit);
        Bounds {
            weight: own.weight.unwrap_or(1),
            in_flight: own.in_flight.unwrap_or(self.in_flight_per_body),
            waiting: own.waiting.unwrap_or(self.waiting_per_body),
            wait: Duration::from_millis(self.waiting_ms),
            pace: Some(Pace {
                requests: own.requests_per_second.unwrap_or(self.requests_per_second_per_body),
                burst: own.burst.unwrap_or(self.burst_per_body),
                bytes_in: bytes(own.kib_in_per_second, self.kib_in_per_second_per_body, KIB),
                bytes_out: bytes(own.kib_out_per_second, self.kib_out_per_second_per_body, KIB),
            }),
            scans: own.scans.unwrap_or(self.scans_per_body),
            storage_bytes: bytes(own.storage_mib, self.storage_mib_per_body, MIB),
        }
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let positive = [
            self.notice_poll_seconds,
            self.channel_max_seconds,
            self.channel_max_messages,
            u64::from(self.notice_retention_days),
            self.waiting_ms,
        ];
        if positive.contains(&0) || [self.in_flight, self.deliveries].contains(&0) {
            return Err(ConfigError::rule("limits", "every limit is at least 1"));
        }
        self.check_body("limits", OwnLimits::default())
    }

    /// Checks what comes out for a body.
    pub(super) fn check_body(&self, key: &str, own: OwnLimits) -> Result<(), ConfigError> {
        let bounds = self.bounds(own);
        let counts = [bounds.in_flight, bounds.waiting, bounds.scans];
        let paced = bounds.pace.is_some_and(|pace| pace.requests > 0 && pace.burst > 0);
        if counts.contains(&0) || bounds.storage_bytes == 0 || !paced {
            return Err(ConfigError::rule(key, "every limit is at least 1"));
        }
        if !(1..=WEIGHT_MAX).contains(&bounds.weight) {
            return Err(ConfigError::rule(key, format!("weight: from 1 to {WEIGHT_MAX}")));
        }
        let slowest = bounds.pace.map_or(0, |pace| pace.bytes_in.min(pace.bytes_out));
        if slowest < SLOWEST_KIB * KIB {
            let text =
                format!("bytes: at least {SLOWEST_KIB} KiB a second, or no large message gets through");
            return Err(ConfigError::rule(key, text));
        }
        Ok(())
    }
}
