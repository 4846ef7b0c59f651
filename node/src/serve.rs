//! `chukei-node serve`: opens everything, connects, serves, and drains on SIGTERM or SIGINT.

use std::sync::Arc;
use std::time::Duration;

use chukei_access::PolicyBook;
use chukei_domain::catalogue::Catalogue;
use chukei_relay_client::connection::PeerConnection;
use chukei_relay_client::dial::{Dialer, Hook, HookFailed, Target};
use chukei_relay_client::endpoint::{
    ClientEndpoint, ServerEndpoint, ServerLimits, client_endpoint, server_endpoint,
};
use chukei_relay_client::peers::WatchedPeers;
use chukei_relay_client::replay::NOTED_MS;
use chukei_relay_client::tls::HopCredentials;
use chukei_store::DataFolder;
use chukei_store::journal::Journal;
use chukei_wire::body_code::BodyCode;
use chukei_wire::id::RequestId;
use chukei_wire::identity::Identity;

use crate::app::{Node, Parts};
use crate::backup::control::{self, Control};
use crate::config::clock;
use crate::config::serve::NodeConfig;
use crate::engine_opener::EngineOpener;
use crate::evidence::PermitEvidence;
use crate::home::Home;
use crate::hosted::Bodies;
use crate::key_gate::Cause;
use crate::outbound::announce::announce;
use crate::platform::{PlatformPlace, WatchedPlatform};
use crate::start::{StartError, journal_options};
use crate::supervise::Opener;
use crate::telemetry::health;
use crate::telemetry::measure;
use crate::telemetry::metrics::Metrics;
use crate::time_stamps::Authority;
use crate::upkeep::Desk;
use crate::{
    bodies, checkpoints, hop_files, identities, inbound, log_disk, outbound, platform, renewal, retention,
    review, supervise, telemetry, time_stamps, witness,
};

/// How often old request ids are let go of.
const FORGET_REPLAYS: Duration = Duration::from_secs(600);
/// Request ids are kept so long in the journal, far beyond their window: a clock that jumps ahead for a while opens none
/// of them again.
const KEEP_REPLAYS_MS: u64 = 24 * 3_600_000;
/// How often gauges that nobody else moves are set.
const GAUGES: Duration = Duration::from_secs(5);
/// Time peers have to hear of the end.
const FAREWELL: Duration = Duration::from_secs(1);
/// Time the review queues have to be written.
const LAST_REVIEWS: Duration = Duration::from_secs(1);
/// Time brokers have to prove the last permits.
const PROOF: Duration = Duration::from_millis(500);

/// Runs a node until it is told to stop.
pub async fn run(config: NodeConfig) -> Result<(), StartError> {
    let clock = clock(config.clock_file.as_ref(), &config.base);
    let credentials = HopCredentials::open(config.tls.files(&config.base))
        .map_err(|error| StartError::new("NOT_READY", &error))?;
    if *credentials.identity() != Identity::Node(config.name.clone()) {
        return Err(StartError::new(
            "CONFIG",
            &"the certificate carries another name than the configuration",
        ));
    }
    let authority = config.time_stamps.as_ref().map(|settings| Authority::open(settings, &config.base));
    let authority = authority.transpose().map_err(|error| StartError::new("CONFIG", &error))?.map(Arc::new);
    let metrics = Metrics::new("node").map_err(|error| StartError::new("NOT_READY", &error))?;
    let (file, root) = (config.path(&config.peers.file), config.path(&config.peers.root));
    let peers = WatchedPeers::open(file, root, clock.now_ms()).map_err(|error| StartError::peers(&error))?;
    let platform = people_of_platform(&config)?;
    let folder =
        DataFolder::open(&config.path(&config.data_dir)).map_err(|error| StartError::store(&error))?;
    let opener = EngineOpener::new(&config, folder).await?;
    let (journal, recovered) =
        opener.journal(journal_options(&metrics, config.log_disk.rules(config.development)))?;
    let journal = Arc::new(journal);
    tracing::info!(entries = recovered.entries, torn_bytes = recovered.torn_bytes, "journal open");
    let provider = config.keys.open(&config.base).map_err(|error| StartError::new("CONFIG", &error))?;
    let bodies = Bodies::closed(config.bodies.iter().map(|body| body.code));
    let catalogue = Catalogue::builtin().map_err(|error| StartError::new("CONFIG", &error))?;
    let policies = PolicyBook::new().map_err(|error| StartError::new("CONFIG", &error))?;
    let (name, limits, epochs_kept) = (config.name.clone(), config.limits.clone(), config.keys.epochs_kept);
    let evidence = PermitEvidence::new(journal.clone(), clock.clone());
    let parts = Parts {
        name,
        clock,
        bodies,
        catalogue,
        two_person: config.two_person.waits(),
        policies: Arc::new(policies),
        zones: config.zones.clone(),
        peers,
        platform,
        metrics,
        body_bounds: config.bodies.iter().map(|body| (body.code, limits.bounds(body.limits))).collect(),
        limits,
        evidence,
        epochs_kept,
        brokers: config.brokers.iter().map(|broker| broker.name.clone()).collect(),
        rows_per_second: config.expiry.rows_per_second,
        review: config.review.limits().map_err(|error| StartError::new("CONFIG", &error))?,
    };
    let node = Arc::new(Node::new(parts));
    restore(&node, &journal)?;
    let engines = Arc::new(opener.engines());
    let home = Home { engines, journal: journal.clone(), keep: config.retention.keep() };
    supervise::start(&node, Opener::new(home.clone(), provider, config.clone())).await;
    node.keep_up(Desk::new(home.clone(), config.clone()));
    let control = Control { node: node.clone(), home, config: config.clone() };
    if let Err(error) = control::serve(control, &config.path(&config.data_dir)).await {
        // Serving does not hang on it: a path may be too long for a socket.
        tracing::warn!(%error, "no control socket: operators' commands need the node to be stopped");
    }
    start(&config, node, journal, credentials, authority).await
}

/// Who operates and maintains this node. A register that was changed is no reason to know nobody: the start is refused.
fn people_of_platform(config: &NodeConfig) -> Result<WatchedPlatform, StartError> {
    let Some(file) = &config.platform else { return Ok(WatchedPlatform::none()) };
    let place = PlatformPlace { file: config.path(file), root: config.path(&config.peers.root) };
    WatchedPlatform::open(place).map_err(|fault| StartError::platform(&fault))
}

/// What a restart owes the time before it: request ids stay used. Those of a log that lies on a server come with their
/// body, and so do the outcomes of open requests.
fn restore(node: &Node, journal: &Arc<Journal>) -> Result<(), StartError> {
    let now_ms = node.clock.now_ms();
    let used =
        journal.replay_ids(now_ms.saturating_sub(NOTED_MS)).map_err(|error| StartError::journal(&error))?;
    node.replay.restore(used.into_iter().map(|(id, _)| RequestId(id)));
    Ok(())
}

async fn start(
    config: &NodeConfig,
    node: Arc<Node>,
    journal: Arc<Journal>,
    credentials: Arc<HopCredentials>,
    authority: Option<Arc<Authority>>,
) -> Result<(), StartError> {
    let not_ready = |error: &dyn std::fmt::Display| StartError::new("NOT_READY", error);
    let staff =
        server_endpoint(config.listen.staff, &credentials, node.clock.clone(), ServerLimits::default())
            .map_err(|error| not_ready(&error))?;
    let staff = Arc::new(staff);
    let endpoint = client_endpoint(([0, 0, 0, 0], 0).into()).map_err(|error| not_ready(&error))?;
    let dialer = Dialer::start(
        endpoint.clone(),
        credentials.clone(),
        node.clock.clone(),
        targets(config),
        announcing(&node),
    );
    node.connect(dialer);
    let ready = readiness(&node, &journal, &credentials);
    health::serve(config.listen.metrics, node.metrics.clone(), ready, node.stopping())
        .await
        .map_err(|error| not_ready(&error))?;
    tokio::spawn(review::watch(node.clone()));
    tokio::spawn(bodies::server::serve(node.clone(), staff.clone()));
    tokio::spawn(telemetry::journal::measure(journal.clone(), node.metrics.clone(), node.stopping()));
    let disk = (node.log_disk.clone(), config.log_disk.rules(config.development));
    tokio::spawn(log_disk::keep(disk.0, journal.clone(), disk.1, node.metrics.clone(), node.stopping()));
    tokio::spawn(retention::run(node.clone(), journal.clone(), config.retention));
    tokio::spawn(hop_files::follow(credentials.clone(), node.clock.clone()));
    tokio::spawn(gauges(node.clone(), journal, credentials));
    tokio::spawn(measure::bodies(node.clone()));
    tokio::spawn(outbound::announcements::run(node.clone()));
    tokio::spawn(identities::follow(node.clone()));
    tokio::spawn(platform::follow(node.clone()));
    tokio::spawn(renewal::run(node.clone()));
    tokio::spawn(witness::run(node.clone()));
    tokio::spawn(checkpoints::run(node.clone()));
    if let Some(authority) = authority {
        tokio::spawn(time_stamps::run(node.clone(), authority, config.retention.log_days));
    }
    node.begin_serving();
    tracing::info!(node = %node.name, staff = %config.listen.staff, metrics = %config.listen.metrics, "serving");
    tokio::select! {
        () = crate::start::stop_signal() => {}
        // Its supervisor starts it again.
        () = node.asked_to_stop() => {}
    }
    drain(&node, &staff, &endpoint, config.limits.drain_seconds).await;
    Ok(())
}

fn targets(config: &NodeConfig) -> Vec<Target> {
    let target = |broker: &chukei_relay_client::settings::PeerAddress| Target {
        name: broker.name.clone(),
        address: broker.address.to_string(),
        identity: Identity::Broker(broker.name.clone()),
    };
    config.brokers.iter().map(target).collect()
}

/// A fresh connection to a broker is served once the broker's roots are followed, and used once the broker knows the
/// node's bodies.
fn announcing(node: &Arc<Node>) -> Hook {
    let node = Arc::downgrade(node);
    Arc::new(move |name, connection: PeerConnection| {
        let node = node.clone();
        Box::pin(async move {
            let node = node.upgrade().ok_or(HookFailed)?;
            let hop = inbound::permits::follow_broker(&node, &connection).await?;
            tokio::spawn(inbound::streams::serve(node.clone(), connection.clone(), hop));
            announce(&node, &connection).await.map_err(|error| {
                tracing::warn!(broker = %name, %error, "not announced");
                HookFailed
            })
        })
    })
}

fn readiness(
    node: &Arc<Node>,
    journal: &Arc<Journal>,
    credentials: &Arc<HopCredentials>,
) -> health::Readiness {
    let (node, journal, credentials) = (Arc::downgrade(node), journal.clone(), credentials.clone());
    Arc::new(move || {
        let node = node.upgrade().filter(|node| !node.is_draining()).ok_or("stopping")?;
        if let Some(fault) = node.watched_peers.fault() {
            return Err(format!("{fault}: have the peer list signed anew by its root"));
        }
        if journal.failed() {
            return Err("the journal cannot be written: see the runbook ChukeiJournalStuck".into());
        }
        hop_files::readiness(&credentials, node.clock.now_ms())?;
        if node.brokers().is_empty() {
            return Err("no broker is connected: check addresses and certificates".into());
        }
        // Whatever it lets go of, it is there for administrators: who is not ready is out of their reach too.
        Ok(node.log_disk.told().into_iter().chain(told(&node)?).collect())
    })
}

/// What a node serves without, or why it serves nothing. One that waits for bodies of other nodes is ready to.
fn told(node: &Node) -> Result<Vec<String>, String> {
    let faults = node.bodies.faults();
    // A fault that leaves reads leaves none of a body that could not be opened.
    let read = |code: &BodyCode| node.bodies.get(*code).is_ok();
    let told = faults.iter().map(|(code, fault)| match fault.cause {
        Cause::OwnedElsewhere => format!("body {code} is served elsewhere: {fault}"),
        _ if read(code) => format!("body {code} is only read: {fault}"),
        _ => format!("body {code} is not served: {fault}"),
    });
    let out = faults.keys().filter(|code| !read(code));
    let waits = faults.values().any(|fault| fault.cause == Cause::OwnedElsewhere);
    if out.count() == node.bodies.codes().count() && !waits {
        return Err(told.collect::<Vec<_>>().join("; "));
    }
    Ok(told.collect())
}

async fn gauges(node: Arc<Node>, journal: Arc<Journal>, credentials: Arc<HopCredentials>) {
    let mut forgotten = tokio::time::Instant::now();
    loop {
        if forgotten.elapsed() > FORGET_REPLAYS {
            forgotten = tokio::time::Instant::now();
            forget_replays(&journal, node.clock.now_ms());
        }
        let now_ms = node.clock.now_ms();
        node.channels.expire(now_ms);
        review::show(&node);
        hop_files::gauges(&node.metrics, &credentials, &node.peers(), now_ms);
        if !node.sleep(GAUGES).await {
            return;
        }
    }
}

/// Lets go of request ids that are long past their window (R22), beside everything else.
fn forget_replays(journal: &Arc<Journal>, now_ms: u64) {
    let journal = journal.clone();
    drop(tokio::task::spawn_blocking(move || {
        if let Err(error) = journal.forget_replay_ids(now_ms.saturating_sub(KEEP_REPLAYS_MS)) {
            tracing::warn!(code = error.code(), "old request ids are kept for now");
        }
    }));
}

/// Takes nothing new on, finishes what is in work, closes.
async fn drain(node: &Node, staff: &ServerEndpoint, brokers: &ClientEndpoint, seconds: u64) {
    tracing::info!("draining");
    node.drain();
    let finished = async {
        while node.metrics.in_flight.get() > 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let limit = Duration::from_secs(seconds);
    if tokio::time::timeout(limit, finished).await.is_err() {
        tracing::warn!(in_flight = node.metrics.in_flight.get(), "drain ended before the work did");
    }
    let _ = tokio::time::timeout(LAST_REVIEWS, review::settle_all(node)).await;
    node.permits.settle(PROOF).await;
    // Both wait until the peers were told: a broker that was not would route here until it noticed the silence.
    tokio::join!(brokers.shutdown(FAREWELL), staff.shutdown(FAREWELL));
    node.permits.give_up();
}
