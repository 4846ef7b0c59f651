//! What the files of a hop's credentials mean to either role (R20): news is logged, gauges say how long they last.

use std::sync::Arc;

use chukei_relay_client::clock::Clock;
use chukei_relay_client::peers::PeerList;
use chukei_relay_client::tls::{HopCredentials, TlsFile, TlsNews};

use crate::telemetry::metrics::Metrics;

const DAY_MS: f64 = 86_400_000.0;
/// The one list there is: of whoever stands at the other end of a hop.
const LIST: [&str; 1] = ["hop"];

/// Follows the files for as long as anything uses the credentials.
pub async fn follow(credentials: Arc<HopCredentials>, clock: Clock, metrics: Metrics) {
    if credentials.list_times().is_none() {
        tracing::warn!(
            "no revocation list is configured: a certificate counts to its end, whoever has its key"
        );
    }
    let following = credentials.follow(clock, move |news| report(news, &metrics));
    drop(credentials);
    following.await;
}

/// Sets the gauges of what ends: certificate, revocation list, peer list.
pub fn gauges(metrics: &Metrics, credentials: &HopCredentials, peers: &PeerList, now_ms: u64) {
    let now_ms = now_ms as f64;
    for (what, end_ms) in [("hop", credentials.not_after_ms()), ("peers", peers.not_after_ms())] {
        let days = (end_ms as f64 - now_ms) / DAY_MS;
        metrics.certificate_days_left.with_label_values(&[what]).set(days);
    }
    if let Some(times) = credentials.list_times() {
        metrics.crl_age_seconds.with_label_values(&LIST).set((now_ms - times.issued_ms as f64) / 1_000.0);
        metrics.crl_seconds_left.with_label_values(&LIST).set((times.ends_ms as f64 - now_ms) / 1_000.0);
    }
    let faults = credentials.faults();
    for file in TlsFile::ALL {
        let faulty = faults.iter().any(|(of, _)| *of == file);
        metrics.tls_file_unusable.with_label_values(&[file.as_str()]).set(i64::from(faulty));
    }
}

/// Whether peers would take this role's certificate, in words for operators.
pub fn readiness(credentials: &HopCredentials, now_ms: u64) -> Result<(), String> {
    credentials.fitness(now_ms).map_err(|unfit| format!("{unfit}: see the runbook on certificates"))
}

fn report(news: TlsNews, metrics: &Metrics) {
    let gauge = |file: TlsFile| metrics.tls_file_unusable.with_label_values(&[file.as_str()]);
    match news {
        TlsNews::Replaced(file) => {
            tracing::info!(file = file.as_str(), "another version is in force");
            gauge(file).set(0);
        }
        TlsNews::Mended(file) => {
            tracing::info!(file = file.as_str(), "can be used again");
            gauge(file).set(0);
        }
        TlsNews::Fault(file, fault) => {
            tracing::error!(file = file.as_str(), %fault, "the file on disk is not usable; the one before stands");
            gauge(file).set(1);
        }
    }
}
