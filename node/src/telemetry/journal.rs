//! How the journal and its disk stand, as metrics.

use std::sync::Arc;
use std::time::Duration;

use chukei_store::{Journal, JournalStatus};
use prometheus::IntGauge;
use tokio::sync::watch;

use crate::telemetry::metrics::Metrics;

/// How often it is looked at.
const EVERY: Duration = Duration::from_secs(5);

/// Looks until `stop` changes to true. A disk that does not answer holds up nothing but this.
pub async fn measure(journal: Arc<Journal>, metrics: Metrics, mut stop: watch::Receiver<bool>) {
    loop {
        let asked = journal.clone();
        match tokio::task::spawn_blocking(move || asked.status()).await {
            Ok(Ok(status)) => show(&metrics, &status),
            Ok(Err(error)) => tracing::debug!(code = error.code(), "the journal's disk tells nothing"),
            Err(_) => tracing::debug!("a look at the journal broke off"),
        }
        if tokio::time::timeout(EVERY, stop.wait_for(|stop| *stop)).await.is_ok() {
            return;
        }
    }
}

fn show(metrics: &Metrics, status: &JournalStatus) {
    let set = |gauge: &IntGauge, value: u64| gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
    set(&metrics.queue_depth.with_label_values(&["journal"]), status.waiting as u64);
    set(&metrics.journal_segments, status.segments as u64);
    // A journal without an entry has no segment yet, and none to come.
    set(&metrics.journal_reserved, u64::from(status.reserved || status.segments == 0));
    set(&metrics.journal_failed, u64::from(status.failed));
    set(&metrics.journal_disk_bytes, status.disk_bytes);
    set(&metrics.journal_free_bytes, status.free_bytes);
}

#[cfg(test)]
mod tests {
    use super::*;
    use chukei_store::{Entry, JournalOptions};

    /// The value of a metric of a role.
    fn value(metrics: &Metrics, name: &str) -> f64 {
        let text = metrics.render().unwrap();
        let line = text.lines().find(|line| line.starts_with(&format!("chukei_{name}{{")));
        line.unwrap().rsplit(' ').next().unwrap().parse().unwrap()
    }

    #[tokio::test]
    async fn a_journal_shows_its_segments_and_its_disk() {
        let dir = tempfile::tempdir().unwrap();
        let options =
            JournalOptions { segment_bytes: 4096, derive_segments: usize::MAX, ..JournalOptions::default() };
        let (journal, _) = Journal::open(dir.path(), options).unwrap();
        for at_ms in 0..8 {
            let (partition, sealed) = ("982016".to_owned(), vec![7; 2_000]);
            journal.append(Entry { partition, kind: 1, at_ms, replay: None, sealed }).await.unwrap();
        }
        let (metrics, (end, stop)) = (Metrics::new("node").unwrap(), watch::channel(false));
        end.send(true).unwrap();
        measure(Arc::new(journal), metrics.clone(), stop).await;
        assert!(value(&metrics, "journal_segments") > 2.0);
        assert_eq!(value(&metrics, "journal_failed"), 0.0);
        let (free, disk) = (value(&metrics, "journal_free_bytes"), value(&metrics, "journal_disk_bytes"));
        assert!(0.0 < free && free <= disk, "{free} of {disk}");
    }
}
