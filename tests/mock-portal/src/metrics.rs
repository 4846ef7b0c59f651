//! Prometheus metrics of the portal, in a registry of its own.
//!
//! Labels are kinds, result names and broker names of the configuration; never a body, a person or a request.

use chukei_relay_client::tls::Standing;
use prometheus::{
    GaugeVec, Histogram, HistogramOpts, HistogramVec, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
    TextEncoder,
};

const SECONDS: &[f64] =
    &[0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0];

/// Handles of every metric. Cloning shares them.
#[derive(Clone)]
pub(crate) struct Metrics {
    registry: Registry,
    /// Requests by kind and result.
    pub(crate) requests: IntCounterVec,
    /// Seconds from the call to its end, by kind.
    pub(crate) seconds: HistogramVec,
    /// Requests begun and not ended, by direction.
    pub(crate) in_flight: IntGaugeVec,
    /// 1 where a broker is connected, by its configured name.
    pub(crate) connected: IntGaugeVec,
    /// Mismatches found, by kind (R35). Any increase is an alarm.
    pub(crate) alarms: IntCounterVec,
    /// Permits that stay without a signed root (R22).
    pub(crate) permits_unproven: prometheus::IntCounter,
    /// Open logins.
    pub(crate) logins: IntGauge,
    /// Day keys destroyed since the start, by what they sealed.
    pub(crate) destroyed: prometheus::IntCounter,
    /// Seconds until a stored batch was acknowledged.
    pub(crate) store_seconds: Histogram,
    /// Days until the hop certificate expires.
    certificate_days_left: GaugeVec,
    /// Seconds since the revocation list in use was made, and until it says nothing any more.
    crl_age_seconds: GaugeVec,
    crl_seconds_left: GaugeVec,
    /// 1 while a file of the hop's credentials on disk cannot be used, by file.
    tls_file_unusable: IntGaugeVec,
    /// 1 when the portal could serve a request now.
    pub(crate) ready: IntGauge,
    /// End-to-end channels by state.
    pub(crate) channels: IntGaugeVec,
    /// Version that every broker in reach makes person codes in; 0 before one has told.
    pub(crate) code_version: IntGauge,
    /// 1 while the portal's own codes are not all of that version yet.
    pub(crate) code_renewals_pending: IntGauge,
}

impl Metrics {
    pub(crate) fn new() -> Result<Self, prometheus::Error> {
        let role = std::iter::once(("role".to_owned(), "portal".to_owned())).collect();
        let registry = Registry::new_custom(Some("chukei".to_owned()), Some(role))?;
        let histogram = |name: &str, help: &str| HistogramOpts::new(name, help).buckets(SECONDS.to_vec());
        let metrics = Self {
            requests: IntCounterVec::new(
                Opts::new("requests_total", "Requests by kind and result"),
                &["kind", "result"],
            )?,
            seconds: HistogramVec::new(histogram("request_seconds", "Seconds per request"), &["kind"])?,
            in_flight: IntGaugeVec::new(Opts::new("in_flight", "Requests not ended"), &["direction"])?,
            connected: IntGaugeVec::new(Opts::new("broker_connected", "1 where connected"), &["broker"])?,
            alarms: IntCounterVec::new(
                Opts::new("integrity_alarms_total", "Mismatches found, by kind"),
                &["kind"],
            )?,
            permits_unproven: prometheus::IntCounter::new(
                "permits_unproven_total",
                "Permits that stay without a signed root",
            )?,
            logins: IntGauge::new("portal_logins", "Open logins")?,
            destroyed: prometheus::IntCounter::new("portal_day_keys_destroyed_total", "Day keys destroyed")?,
            store_seconds: Histogram::with_opts(histogram(
                "store_apply_seconds",
                "Seconds per durable batch",
            ))?,
            certificate_days_left: GaugeVec::new(
                Opts::new("certificate_days_left", "Days until the certificate expires"),
                &["certificate"],
            )?,
            crl_age_seconds: GaugeVec::new(
                Opts::new("crl_age_seconds", "Seconds since the revocation list was made"),
                &["list"],
            )?,
            crl_seconds_left: GaugeVec::new(
                Opts::new("crl_seconds_left", "Seconds until the revocation list is over"),
                &["list"],
            )?,
            tls_file_unusable: IntGaugeVec::new(
                Opts::new("tls_file_unusable", "1 while a file of the credentials cannot be used"),
                &["file"],
            )?,
            channels: IntGaugeVec::new(Opts::new("channels", "End-to-end channels, by state"), &["state"])?,
            ready: IntGauge::new("ready", "1 when the portal could serve a request now")?,
            code_version: IntGauge::new("code_version", "Version that person codes are made in")?,
            code_renewals_pending: IntGauge::new(
                "code_renewals_pending",
                "1 while the codes are not all of that version",
            )?,
            registry,
        };
        metrics.register()?;
        Ok(metrics)
    }

    fn register(&self) -> Result<(), prometheus::Error> {
        let collectors: [Box<dyn prometheus::core::Collector>; 18] = [
            Box::new(self.requests.clone()),
            Box::new(self.seconds.clone()),
            Box::new(self.in_flight.clone()),
            Box::new(self.connected.clone()),
            Box::new(self.alarms.clone()),
            Box::new(self.permits_unproven.clone()),
            Box::new(self.logins.clone()),
            Box::new(self.destroyed.clone()),
            Box::new(self.store_seconds.clone()),
            Box::new(self.certificate_days_left.clone()),
            Box::new(self.crl_age_seconds.clone()),
            Box::new(self.crl_seconds_left.clone()),
            Box::new(self.tls_file_unusable.clone()),
            Box::new(self.ready.clone()),
            Box::new(self.channels.clone()),
            Box::new(self.code_version.clone()),
            Box::new(self.code_renewals_pending.clone()),
            Box::new(prometheus::process_collector::ProcessCollector::for_self()),
        ];
        collectors.into_iter().try_for_each(|collector| self.registry.register(collector))
    }

    pub(crate) fn render(&self) -> Result<String, prometheus::Error> {
        TextEncoder::new().encode_to_string(&self.registry.gather())
    }

    /// Shows how long certificate and revocation list last, and what of their files cannot be used.
    pub(crate) fn show_credentials(&self, standing: Standing) {
        self.certificate_days_left.with_label_values(&["hop"]).set(standing.certificate_days);
        if let Some(list) = standing.list {
            self.crl_age_seconds.with_label_values(&["hop"]).set(list.age_s);
            self.crl_seconds_left.with_label_values(&["hop"]).set(list.left_s);
        }
        for (file, unusable) in standing.unusable {
            self.tls_file_unusable.with_label_values(&[file.as_str()]).set(i64::from(unusable));
        }
    }

    /// Counts an ended request.
    pub(crate) fn count(&self, kind: &str, result: &str, seconds: f64) {
        self.requests.with_label_values(&[kind, result]).inc();
        self.seconds.with_label_values(&[kind]).observe(seconds);
    }

    /// Raises an alarm (R35): the counter that alerts watch, and an error line that names the request only.
    pub(crate) fn alarm(&self, kind: &'static str, request: &dyn std::fmt::Display) {
        self.alarms.with_label_values(&[kind]).inc();
        tracing::error!(alarm = kind, request_id = %request, "integrity alarm");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_that_dashboards_rely_on() {
        let metrics = Metrics::new().unwrap();
        metrics.count("self-info", "DONE", 0.01);
        metrics.alarm("subject_mismatch", &"0190");
        let text = metrics.render().unwrap();
        for line in [
            r#"chukei_requests_total{kind="self-info",result="DONE",role="portal"} 1"#,
            r#"chukei_integrity_alarms_total{kind="subject_mismatch",role="portal"} 1"#,
            r#"chukei_request_seconds_count{kind="self-info",role="portal"} 1"#,
        ] {
            assert!(text.contains(line), "{text}");
        }
    }
}
