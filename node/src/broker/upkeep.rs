//! What a running broker looks after: the peer list on disk (R24), certificates that run out, queues.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::broker::Broker;

/// How often it looks: a changed list is an alarm within five seconds (R24, R35).
const EVERY: Duration = Duration::from_secs(4);
const DAY_MS: f64 = 86_400_000.0;

/// Looks after things until `stop` changes to true.
pub(super) async fn keep_up(broker: Arc<Broker>, mut stop: watch::Receiver<bool>) {
    loop {
        look(&broker).await;
        let stopped = tokio::time::timeout(EVERY, stop.wait_for(|stop| *stop)).await;
        if stopped.is_ok() {
            return;
        }
    }
}

async fn look(broker: &Broker) {
    let now_ms = broker.clock.now_ms();
    broker.peers.look(now_ms, &broker.metrics).await;
    let days_left = |end_ms: u64| (end_ms as f64 - now_ms as f64) / DAY_MS;
    let gauge = &broker.metrics.certificate_days_left;
    gauge.with_label_values(&["hop"]).set(days_left(broker.certificate_end_ms));
    gauge.with_label_values(&["peers"]).set(days_left(broker.peers.load().not_after_ms()));
}
