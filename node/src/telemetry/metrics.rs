//! Prometheus metrics of one role, in a registry of its own.
//!
//! Label values come from closed sets (kinds, result names, peer names of the configuration); a body code, a
//! person or a request id is never a label.

use chukei_domain::act::{ActKind, State};
use chukei_relay_client::channel::Channels;
use chukei_store::Slack;
use prometheus::process_collector::ProcessCollector;
use prometheus::{
    Gauge, GaugeVec, Histogram, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Registry,
    TextEncoder,
};

use crate::admission::Reason;
use crate::telemetry::registering::Registering;

const LATENCY_BUCKETS: &[f64] =
    &[0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0];
const FSYNC_BUCKETS: &[f64] = &[0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1.0];
const DECISION_BUCKETS: &[f64] = &[1e-6, 2.5e-6, 5e-6, 1e-5, 2e-5, 5e-5, 1e-4, 1e-3, 1e-2];

/// Handles of every metric. Cloning shares them.
#[derive(Clone)]
pub struct Metrics {
    registry: Registry,
    /// Requests by kind and result.
    pub requests: IntCounterVec,
    /// Seconds of each access decision, the gathering of its facts included.
    pub decision_seconds: Histogram,
    /// Seconds from header to the end of the reply, by kind.
    pub request_seconds: HistogramVec,
    /// Live connections by kind of peer.
    pub connections: IntGaugeVec,
    /// Requests admitted and not finished.
    pub in_flight: IntGauge,
    /// Entries waiting, by queue.
    pub queue_depth: IntGaugeVec,
    /// Seconds of each group fsync of the journal.
    pub journal_fsync_seconds: Histogram,
    /// Days until a certificate in use expires, by its purpose.
    pub certificate_days_left: GaugeVec,
    /// Seconds since the revocation list in use was made; no sample where none is configured.
    pub crl_age_seconds: GaugeVec,
    /// Seconds until it says nothing any more, and nobody gets in.
    pub crl_seconds_left: GaugeVec,
    /// 1 while a file of the hop's credentials on disk cannot be used, by file.
    pub tls_file_unusable: IntGaugeVec,
    /// Mismatches found, by kind (R35). Any increase is an alarm.
    pub integrity_alarms: IntCounterVec,
    /// Heads of bodies' logs that were shown to this broker, by what became of them.
    pub log_heads: IntCounterVec,
    /// Heads that brokers have shown each other, by how they go together.
    pub log_heads_compared: IntCounterVec,
    /// Seconds that cosigned heads have waited to be compared, by the other broker.
    pub log_heads_waiting_seconds: GaugeVec,
    /// Time stamps of an authority that were asked for, by result.
    pub time_stamps: IntCounterVec,
    /// Seconds since the newest time stamp of the body whose newest is the oldest; 0 where none are asked for.
    pub time_stamp_age_seconds: Gauge,
    /// Epochs of logs that began by a word of two persons (R43).
    pub log_gaps: IntCounter,
    /// 1 while the link to another broker stands, by broker.
    pub broker_links: IntGaugeVec,
    /// Persons of whom not every broker knows yet what is hidden from them (R50).
    pub undisclosed_pending: IntGauge,
    /// Records of exchanges that are durable and not in the index yet.
    pub exchange_index_behind: IntGauge,
    /// Other brokers that hold copies of this one's records.
    pub record_copies: IntGauge,
    /// Entries of this broker that are durable and have no copy yet.
    pub record_copies_behind: IntGauge,
    /// Seconds that the oldest of these has waited.
    pub record_copies_lag_seconds: Gauge,
    /// Permits that stay without a signed root, because their broker did not bring it when it was back (R22).
    pub permits_unproven: IntCounter,
    /// 1 when the role could serve a request now.
    pub ready: Gauge,
    /// Requests answered OVERLOADED, by the limit they met (R40).
    pub shed: IntCounterVec,
    /// Hosted bodies whose rows take more than they may.
    pub bodies_over_storage: IntGauge,
    /// Decisions that the review of patterns had no room for (R7).
    pub unobserved: IntCounter,
    /// Items of review queues that are open, all bodies together (R7).
    pub reviews_open: IntGauge,
    /// Of these, those that nobody has signed in time.
    pub reviews_overdue: IntGauge,
    /// Items that were not opened, because a queue was full.
    pub reviews_dropped: IntCounter,
    /// Hosted bodies that cannot be served now, by cause.
    pub bodies_not_ready: IntGaugeVec,
    /// Bytes that the bodies' rows take, by engine.
    pub store_bytes: IntGaugeVec,
    /// Bytes of these that hold nothing, by engine.
    pub store_reclaimable_bytes: IntGaugeVec,
    /// End-to-end channels by state.
    pub channels: IntGaugeVec,
    /// Version that every broker in reach makes person codes in; 0 before one has told.
    pub code_version: IntGauge,
    /// Hosted bodies whose own codes are not all of that version yet.
    pub code_renewals_pending: IntGauge,
    /// How far this machine's clock is ahead of a broker's, seconds.
    pub clock_apart_seconds: GaugeVec,
    /// Clocks found too far apart for a day to end by them.
    pub clock_alarms: IntCounterVec,
    /// The last time that brokers have vouched for, Unix seconds; 0 before there was any.
    pub witnessed_seconds: Gauge,
    /// Rows removed that nobody could open any more.
    pub rows_swept: IntCounter,
    /// Bytes that compaction has given back to the disk.
    pub bytes_given_back: IntCounter,
    /// Tries of a body's own duties that failed and are repeated, by duty.
    pub duty_failures: IntCounterVec,
    /// Acts that two persons decide and of which something is still to come, by state.
    pub acts_open: IntGaugeVec,
    /// Acts that were decided or left and have ended, by kind and state.
    pub acts_ended: IntCounterVec,
    /// Segments of the journal that the logs are not derived from yet, with the one that grows.
    pub journal_segments: IntGauge,
    /// 1 while the space of the journal's next segment is reserved.
    pub journal_reserved: IntGauge,
    /// 1 while the journal refuses everything after a failed write.
    pub journal_failed: IntGauge,
    /// Bytes of the disk that the journal lies on.
    pub journal_disk_bytes: IntGauge,
    /// Bytes of it that may still be written.
    pub journal_free_bytes: IntGauge,
    /// Entries of logs that were given up because their retention was over.
    pub log_entries_given_up: IntCounter,
    /// Part of that disk that is used, the reserve apart; above 1 where the reserve is.
    pub log_disk_used: Gauge,
    /// 1 while that is above the border of its alarm.
    pub log_disk_alarm: IntGauge,
    /// Bytes that the reserve on it holds.
    pub log_reserve_bytes: IntGauge,
    /// What the role does without for it, from 0 (nothing) to 4 (everything but administrators and upkeep).
    pub degraded_level: IntGauge,
    /// Owners of keys whose standby of epochs is not in step.
    pub standby_behind: IntGauge,
}

impl Metrics {
    /// Makes and registers everything under the constant label `role`.
    pub fn new(role: &str) -> Result<Self, prometheus::Error> {
        let registry = Registry::new_custom(
            Some("chukei".into()),
            Some(std::iter::once(("role".to_owned(), role.to_owned())).collect()),
        )?;
        let made = Registering(&registry);
        let metrics = Self {
            requests: made.counts("requests_total", "Requests by kind and result", &["kind", "result"])?,
            decision_seconds: made.seconds(
                "decision_seconds",
                "Seconds of each access decision",
                DECISION_BUCKETS,
            )?,
            request_seconds: made.seconds_of(
                "request_seconds",
                "Seconds per request",
                &["kind"],
                LATENCY_BUCKETS,
            )?,
            connections: made.numbers("connections", "Live connections by kind of peer", &["peer"])?,
            in_flight: made.number("in_flight", "Requests admitted and not finished")?,
            queue_depth: made.numbers("queue_depth", "Entries waiting, by queue", &["queue"])?,
            journal_fsync_seconds: made.seconds(
                "journal_fsync_seconds",
                "Seconds of each group fsync",
                FSYNC_BUCKETS,
            )?,
            certificate_days_left: made.values(
                "certificate_days_left",
                "Days until a certificate in use expires",
                &["certificate"],
            )?,
            crl_age_seconds: made.values(
                "crl_age_seconds",
                "Seconds since the revocation list in use was made",
                &["list"],
            )?,
            crl_seconds_left: made.values(
                "crl_seconds_left",
                "Seconds until the revocation list in use is over",
                &["list"],
            )?,
            tls_file_unusable: made.numbers(
                "tls_file_unusable",
                "1 while a file of the credentials on disk cannot be used",
                &["file"],
            )?,
            integrity_alarms: made.counts(
                "integrity_alarms_total",
                "Mismatches found, by kind",
                &["kind"],
            )?,
            undisclosed_pending: made.number(
                "undisclosed_pending",
                "Persons of whom not every broker knows yet what is hidden from them",
            )?,
            exchange_index_behind: made
                .number("exchange_index_behind", "Exchange records that are not in the index yet")?,
            log_heads: made.counts(
                "log_heads_total",
                "Heads of logs shown to a witness, by result",
                &["result"],
            )?,
            log_heads_compared: made.counts(
                "log_heads_compared_total",
                "Heads of logs that brokers have shown each other, by result",
                &["result"],
            )?,
            log_heads_waiting_seconds: made.values(
                "log_heads_waiting_seconds",
                "Seconds that cosigned heads have waited to be compared",
                &["broker"],
            )?,
            time_stamps: made.counts(
                "time_stamps_total",
                "Time stamps of an authority, by result",
                &["result"],
            )?,
            time_stamp_age_seconds: made.value(
                "time_stamp_age_seconds",
                "Seconds since the newest time stamp of the body that waits longest",
            )?,
            log_gaps: made.count("log_gaps_total", "Epochs of logs begun by a word of two persons")?,
            broker_links: made.numbers("broker_links", "1 while the link to a broker stands", &["broker"])?,
            record_copies: made.number("record_copies", "Brokers that hold copies of this one's records")?,
            record_copies_behind: made.number(
                "record_copies_behind",
                "Durable entries of this broker without a copy at another one",
            )?,
            record_copies_lag_seconds: made.value(
                "record_copies_lag_seconds",
                "Seconds that the oldest entry without a copy has waited",
            )?,
            permits_unproven: made
                .count("permits_unproven_total", "Permits that stay without a signed root")?,
            ready: made.value("ready", "1 when the role could serve a request now")?,
            shed: made.counts("shed_total", "Requests answered OVERLOADED, by limit", &["reason"])?,
            bodies_over_storage: made
                .number("bodies_over_storage", "Hosted bodies whose rows take more than they may")?,
            unobserved: made
                .count("access_unobserved_total", "Decisions that the review of patterns had no room for")?,
            reviews_open: made.number("reviews_open", "Items that wait for a reviewer")?,
            reviews_overdue: made.number("reviews_overdue", "Of these, items that nobody signed in time")?,
            reviews_dropped: made.count(
                "reviews_dropped_total",
                "Items that were not opened because a review queue was full",
            )?,
            bodies_not_ready: made.numbers(
                "bodies_not_ready",
                "Hosted bodies that cannot be served now, by cause",
                &["cause"],
            )?,
            store_bytes: made.numbers(
                "store_bytes",
                "Bytes that the rows of hosted bodies take, by engine",
                &["engine"],
            )?,
            store_reclaimable_bytes: made.numbers(
                "store_reclaimable_bytes",
                "Bytes of these that hold nothing, by engine",
                &["engine"],
            )?,
            channels: made.numbers("channels", "End-to-end channels, by state", &["state"])?,
            code_version: made.number("code_version", "Version that person codes are made in")?,
            code_renewals_pending: made
                .number("code_renewals_pending", "Hosted bodies whose codes are not all of that version")?,
            clock_apart_seconds: made.values(
                "clock_apart_seconds",
                "How far this clock is ahead of a broker's",
                &["broker"],
            )?,
            clock_alarms: made.counts(
                "clock_alarms_total",
                "Clocks found too far apart, by which way a broker is off",
                &["broker_is"],
            )?,
            witnessed_seconds: made.value("witnessed_seconds", "Unix time that brokers have vouched for")?,
            rows_swept: made.count("rows_swept_total", "Rows removed that nobody could open any more")?,
            bytes_given_back: made.count("bytes_given_back_total", "Bytes that compaction has given back")?,
            duty_failures: made.counts(
                "duty_failures_total",
                "Failed tries of a body's own duties, by duty",
                &["duty"],
            )?,
            acts_open: made.numbers(
                "acts_open",
                "Acts of two persons that are open, by state",
                &["state"],
            )?,
            acts_ended: made.counts(
                "acts_ended_total",
                "Acts of two persons that were carried out, failed or were left, by kind and state",
                &["kind", "state"],
            )?,
            journal_segments: made
                .number("journal_segments", "Segments that logs are not derived from yet")?,
            journal_reserved: made.number("journal_reserved", "1 while the next segment is reserved")?,
            journal_failed: made.number("journal_failed", "1 while the journal refuses everything")?,
            journal_disk_bytes: made.number("journal_disk_bytes", "Bytes of the journal's disk")?,
            journal_free_bytes: made.number("journal_free_bytes", "Bytes of it that may be written")?,
            log_entries_given_up: made
                .count("log_entries_given_up_total", "Entries of logs given up after their retention")?,
            log_disk_used: made
                .value("log_disk_used_ratio", "Part of the log's disk used, the reserve apart")?,
            log_disk_alarm: made
                .number("log_disk_alarm", "1 while the log's disk is fuller than it may be")?,
            log_reserve_bytes: made.number("log_reserve_bytes", "Bytes for when there is no other space")?,
            degraded_level: made.number("degraded_level", "What the role does without, 0 to 4")?,
            standby_behind: made.number("standby_behind", "Owners whose standby of epochs is not in step")?,
            registry: registry.clone(),
        };
        // Where nothing has failed, that is said: an increase is from there.
        for kind in ActKind::ALL {
            metrics.acts_ended.with_label_values(&[kind.as_str(), State::Failed.as_str()]);
        }
        for reason in Reason::ALL {
            metrics.shed.with_label_values(&[reason.as_str()]);
        }
        registry.register(Box::new(ProcessCollector::for_self()))?;
        Ok(metrics)
    }

    /// The text exposition.
    pub fn render(&self) -> Result<String, prometheus::Error> {
        TextEncoder::new().encode_to_string(&self.registry.gather())
    }

    /// Shows how many channels there are.
    pub fn show_channels(&self, channels: &Channels) {
        let (answered, opened) = channels.counts();
        let former = channels.on_former_identities();
        for (state, count) in [("answered", answered), ("opened", opened), ("former_identity", former)] {
            self.channels.with_label_values(&[state]).set(i64::try_from(count).unwrap_or(i64::MAX));
        }
    }

    /// How long an entry that an answer waits for may wait for those of the other requests under way.
    pub fn slack(&self) -> Slack {
        Slack::among(self.in_flight.get())
    }

    /// Counts what was answered OVERLOADED. Which body's it was stands in the log.
    pub fn count_shed(&self, reason: Reason) {
        self.shed.with_label_values(&[reason.as_str()]).inc();
    }

    /// Raises an integrity alarm (R35): the counter that alerts watch, and an error line.
    pub fn alarm(&self, kind: &'static str, request: &dyn std::fmt::Display) {
        self.integrity_alarms.with_label_values(&[kind]).inc();
        tracing::error!(alarm = kind, request_id = %request, "integrity alarm");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exposes_the_documented_names() {
        let metrics = Metrics::new("node").unwrap();
        metrics.alarm("subject_mismatch", &"request");
        metrics.requests.with_label_values(&["self-info", "DONE"]).inc();
        let text = metrics.render().unwrap();
        assert!(
            text.contains(r#"chukei_integrity_alarms_total{kind="subject_mismatch",role="node"} 1"#),
            "{text}"
        );
        assert!(
            text.contains(r#"chukei_requests_total{kind="self-info",result="DONE",role="node"} 1"#),
            "{text}"
        );
    }
}
