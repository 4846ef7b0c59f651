//! What a running broker looks after: the peer list on disk (R24), certificates that run out, its standby of epochs.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use chukei_relay_client::peers::Look;
use tokio::sync::watch;

use crate::broker::{Broker, witness};
use crate::hop_files;
use crate::peer_list::report;

/// How often gauges that nobody else moves are set.
const EVERY: Duration = Duration::from_secs(4);

/// Looks after things until `stop` changes to true.
pub(super) async fn keep_up(broker: Arc<Broker>, mut stop: watch::Receiver<bool>) {
    let gauging = async {
        loop {
            let (peers, now_ms) = (broker.peers.load(), broker.clock.now_ms());
            hop_files::gauges(&broker.metrics, &broker.credentials, &peers, now_ms);
            drop(peers);
            tokio::time::sleep(EVERY).await;
        }
    };
    let watching = broker.peers.watch(&broker.clock, |look| {
        report(&look, &broker.metrics);
        if matches!(look, Look::Read(_)) {
            broker.drop_unlisted_routes();
        }
        ControlFlow::Continue(())
    });
    tokio::select! {
        () = watching => {}
        () = gauging => {}
        () = standby(&broker) => {}
        () = witness::keep_short(&broker) => {}
        _ = stop.wait_for(|stop| *stop) => {}
    }
}

/// A second place that does not answer holds up nothing but this.
async fn standby(broker: &Broker) {
    loop {
        let file = broker.keys.file.clone();
        let in_step = tokio::task::spawn_blocking(move || file.standby_in_step()).await.unwrap_or(false);
        broker.metrics.standby_behind.set(i64::from(!in_step));
        tokio::time::sleep(EVERY).await;
    }
}
