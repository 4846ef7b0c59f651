//! Links to the other brokers: this one dials each of them under its own identity, as they dial this one.
//!
//! What must hold: nothing that a request waits for depends on them; whether they stand is a metric. Deliberately absent:
//! requests; no passage goes from one broker to another.

use std::sync::Arc;
use std::time::Duration;

use chukei_relay_client::dial::{Dialer, Target, no_hook};
use chukei_relay_client::endpoint::{EndpointError, client_endpoint};
use chukei_relay_client::settings::PeerAddress;
use chukei_relay_client::tls::HopCredentials;
use chukei_wire::identity::Identity;
use tokio::task::JoinSet;

use crate::broker::{Broker, copies, witness};

/// How often it is looked which links stand.
const GAUGED: Duration = Duration::from_secs(1);

/// Links to these brokers. Must be called within a runtime.
pub(super) fn dial(
    broker: &Broker,
    credentials: &Arc<HopCredentials>,
    others: &[PeerAddress],
) -> Result<Dialer, EndpointError> {
    let target = |other: &PeerAddress| Target {
        name: other.name.clone(),
        address: other.address.to_string(),
        identity: Identity::Broker(other.name.clone()),
    };
    let targets = others.iter().map(target).collect();
    let endpoint = client_endpoint(([0, 0, 0, 0], 0).into())?;
    Ok(Dialer::start(endpoint, credentials.clone(), broker.clock.clone(), targets, no_hook()))
}

/// Does what is done over the links, until it is dropped.
pub(super) async fn keep(broker: Arc<Broker>, links: Dialer) {
    let links = Arc::new(links);
    // They end with it.
    let mut tasks = JoinSet::new();
    for state in links.states() {
        let (broker, links) = (broker.clone(), links.clone());
        tasks.spawn(async move { witness::show_seen(&broker, &links, &state.name).await });
    }
    // The first of them holds the copies.
    if let Some(first) = links.states().into_iter().next() {
        let (broker, links) = (broker.clone(), links.clone());
        tasks.spawn(async move { copies::send(&broker, &links, &first.name).await });
    }
    loop {
        for state in links.states() {
            broker.metrics.broker_links.with_label_values(&[&state.name]).set(i64::from(state.connected));
        }
        tokio::time::sleep(GAUGED).await;
    }
}
