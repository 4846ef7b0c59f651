//! What the files of a hop's credentials mean to either role (R20): news is logged, gauges say how long they last.

use std::sync::Arc;

use chukei_relay_client::clock::Clock;
use chukei_relay_client::peers::PeerList;
use chukei_relay_client::tls::{HopCredentials, TlsNews};

use crate::telemetry::metrics::Metrics;

const DAY_MS: f64 = 86_400_000.0;
/// The one list there is: of whoever stands at the other end of a hop.
const LIST: [&str; 1] = ["hop"];

/// Follows the files for as long as anything uses the credentials.
pub async fn follow(credentials: Arc<HopCredentials>, clock: Clock) {
    if credentials.list_times().is_none() {
        tracing::warn!(
            "no revocation list is configured: a certificate counts to its end, whoever has its key"
        );
    }
    let following = credentials.follow(clock, TlsNews::log);
    drop(credentials);
    following.await;
}

/// Sets the gauges of what ends: certificate, revocation list, peer list.
pub fn gauges(metrics: &Metrics, credentials: &HopCredentials, peers: &PeerList, now_ms: u64) {
    let standing = credentials.standing(now_ms);
    let peers_days = (peers.not_after_ms() as f64 - now_ms as f64) / DAY_MS;
    for (what, days) in [("hop", standing.certificate_days), ("peers", peers_days)] {
        metrics.certificate_days_left.with_label_values(&[what]).set(days);
    }
    if let Some(list) = standing.list {
        metrics.crl_age_seconds.with_label_values(&LIST).set(list.age_s);
        metrics.crl_seconds_left.with_label_values(&LIST).set(list.left_s);
    }
    for (file, unusable) in standing.unusable {
        metrics.tls_file_unusable.with_label_values(&[file.as_str()]).set(i64::from(unusable));
    }
}

/// Whether peers would take this role's certificate, in words for operators.
pub fn readiness(credentials: &HopCredentials, now_ms: u64) -> Result<(), String> {
    credentials.fitness(now_ms).map_err(|unfit| format!("{unfit}: see the runbook on certificates"))
}
