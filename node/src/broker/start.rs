//! How a broker starts, runs and stops.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chukei_crypto::acquisition::AcquisitionKeyPair;
use chukei_crypto::person_code::CodeMaster;
use chukei_crypto::sign::SigningKey;
use chukei_domain::day::{Day, day_of};
use chukei_keys::{KeySettingsError, KeyfileError, KeyringFile};
use chukei_relay_client::clock::Clock;
use chukei_relay_client::endpoint::{EndpointError, ServerEndpoint, ServerLimits, server_endpoint};
use chukei_relay_client::key_file::{self, KeyFileError};
use chukei_relay_client::peers::{PeerList, PeerListError, WatchedPeers};
use chukei_relay_client::tls::{CredentialError, HopCredentials};
use chukei_store::journal::{Journal, JournalError};
use chukei_store::{DataFolder, SqliteOptions, StoreError};
use chukei_wire::identity::Identity;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::admission::Admission;
use crate::broker::codes::{CodeVersion, PersonCodes};
use crate::broker::copies::{AdoptError, Holder};
use crate::broker::exchange::{self, ExchangeLog};
use crate::broker::index::ExchangeIndex;
use crate::broker::keys::{self, BrokerKeys};
use crate::broker::limits::BodyLimits;
use crate::broker::party_rate::PartyRate;
use crate::broker::public_key_work::PublicKeyWork;
use crate::broker::roots::Roots;
use crate::broker::routes::Routes;
use crate::broker::witness::{self, Witness};
use crate::broker::{Broker, copies, index, links, retention, server, upkeep};
use crate::config::broker::{BrokerConfig, CodeMasterFile};
use crate::evidence::PermitEvidence;
use crate::hop_files;
use crate::start::journal_options;
use crate::telemetry::health;
use crate::telemetry::metrics::Metrics;
use crate::{config, log_disk, telemetry};

/// The engine of the index of exchange records: one partition, which one task writes.
const INDEX: SqliteOptions = SqliteOptions {
    open_bodies: 1,
    readers_per_body: 2,
    cache_bytes_per_connection: 8 << 20,
    cache_bytes: 24 << 20,
    writer_threads: 1,
};
/// How often a drain looks whether everything has ended.
const DRAIN_LOOK: Duration = Duration::from_millis(20);
/// How long peers may take to hear that the broker stops.
const FAREWELL: Duration = Duration::from_secs(1);

/// Why a broker did not start.
#[derive(Debug, thiserror::Error)]
pub enum BrokerError {
    /// Certificate, key or authority.
    #[error("tls: {0}")]
    Credentials(#[from] CredentialError),
    /// The certificate names somebody else.
    #[error("the certificate is for {found}, not for chukei://broker/{name}")]
    WrongIdentity {
        /// The identity in the certificate.
        found: Identity,
        /// The configured name.
        name: String,
    },
    /// The signed peer list (R24).
    #[error("peers: {0}")]
    Peers(#[from] PeerListError),
    /// A key file.
    #[error("key file: {0}")]
    KeyFile(#[from] KeyFileError),
    /// A key file that was read, but holds no usable key.
    #[error("{0}: not a usable key")]
    Key(PathBuf),
    /// The signed peer list gives this broker another key for its permits, or none.
    #[error("{0}: not the permit key that the peer list gives this broker")]
    KeyNotListed(PathBuf),
    /// The signed peer list gives this broker another key for its cosignatures, or none.
    #[error("{0}: not the witness key that the peer list gives this broker")]
    WitnessNotListed(PathBuf),
    /// What was cosigned cannot be told from the journal, and nothing can be cosigned without it.
    #[error("witness: {0}")]
    Witness(#[from] witness::OpenError),
    /// This broker has less than its copies, or could not adopt them.
    #[error(transparent)]
    Copies(#[from] AdoptError),
    /// The data folder.
    #[error("data folder: {0}")]
    Store(#[from] StoreError),
    /// The configuration names no usable keys.
    #[error(transparent)]
    Config(#[from] config::ConfigError),
    /// The keys' provider.
    #[error("keys: {0}")]
    Provider(#[from] KeySettingsError),
    /// The keyring of the records.
    #[error("keyring: {code}: {0}", code = .0.code())]
    Keyring(#[from] KeyfileError),
    /// The journal.
    #[error("journal: {0}")]
    Journal(#[from] JournalError),
    /// The relay endpoint.
    #[error("relay endpoint: {0}")]
    Endpoint(#[from] EndpointError),
    /// The metrics endpoint.
    #[error("metrics endpoint: {0}")]
    Metrics(#[source] std::io::Error),
    /// Metrics that cannot be registered.
    #[error("metrics: {0}")]
    Registry(#[from] prometheus::Error),
}

/// Runs a broker until `stop` becomes true and what was begun has ended.
pub async fn run(config: BrokerConfig, stop: watch::Receiver<bool>) -> Result<(), BrokerError> {
    #[cfg(feature = "faults")]
    return run_with_faults(config, stop, Arc::default()).await;
    #[cfg(not(feature = "faults"))]
    serve(ready(&config).await?, &config, stop).await
}

/// As [`run`], with faults that the caller arms.
#[cfg(feature = "faults")]
pub async fn run_with_faults(
    config: BrokerConfig,
    stop: watch::Receiver<bool>,
    faults: Arc<crate::broker::faults::BrokerFaults>,
) -> Result<(), BrokerError> {
    let mut prepared = ready(&config).await?;
    prepared.broker.faults = faults;
    serve(prepared, &config, stop).await
}

/// A broker that has everything it needs, and is not heard of yet.
struct Prepared {
    broker: Broker,
    credentials: Arc<HopCredentials>,
    journal: Arc<Journal>,
    /// Locked for as long as the broker runs.
    folder: DataFolder,
}

/// What a broker stands on before it says anything of its own.
struct Ground {
    clock: Clock,
    credentials: Arc<HopCredentials>,
    metrics: Metrics,
    journal: Arc<Journal>,
    folder: DataFolder,
}

/// A broker whose journal has everything that it is known to have had.
async fn ready(config: &BrokerConfig) -> Result<Prepared, BrokerError> {
    let clock = config::clock(config.clock_file.as_ref(), &config.base);
    let credentials = credentials(config)?;
    let metrics = Metrics::new("broker")?;
    let folder = DataFolder::open(&config.path(&config.data_dir))?;
    let journal = Arc::new(journal(config, &folder, &metrics)?);
    copies::before_start(config, &clock, &credentials, &journal).await?;
    prepare(config, Ground { clock, credentials, metrics, journal, folder })
}

fn prepare(config: &BrokerConfig, ground: Ground) -> Result<Prepared, BrokerError> {
    let Ground { clock, credentials, metrics, journal, folder } = ground;
    let peers =
        WatchedPeers::open(config.path(&config.peers.file), config.path(&config.peers.root), clock.now_ms())?;
    let codes = person_codes(config)?;
    let acquisition_path = config.path(&config.acquisition_key);
    let acquisition_key = AcquisitionKeyPair::from_bytes(&key_file::read(&acquisition_path)?)
        .map_err(|_| BrokerError::Key(acquisition_path))?;
    let permit_key = permit_key(config, &peers.load())?;
    let witness_key = witness_key(config, &peers.load())?;
    let file = keyring(config, &folder, day_of(clock.now_ms()))?;
    let keys = BrokerKeys { file, gate: Arc::default(), epochs_kept: config.keys.epochs_kept };
    let evidence = PermitEvidence::new(journal.clone(), clock.clone());
    let limits = &config.limits;
    let admission = Admission::new(limits.in_flight);
    let exchanges =
        ExchangeLog::new(journal.clone(), keys.file.clone(), keys.gate.clone(), config.retention.keep());
    let engine = folder.sqlite(INDEX);
    let broker = Broker {
        name: config.name.clone(),
        clock,
        peers: Arc::new(peers),
        routes: Routes::new(),
        codes,
        renewals: PartyRate::default(),
        questions: PartyRate::default(),
        acquisition_key,
        legal_basis: config.legal_basis.clone(),
        limits: BodyLimits::new(&admission, limits.in_flight_per_body),
        admission,
        public_key_work: PublicKeyWork::new(),
        index: ExchangeIndex::new(&exchanges, journal.clone(), keys.file.clone(), engine),
        exchanges,
        roots: Roots::new(permit_key, evidence),
        witness: Witness::open(&config.name, witness_key, &journal)?,
        others: config.brokers.iter().map(|other| other.name.clone()).collect(),
        copies: Arc::new(Holder::new(journal.clone())),
        journal: journal.clone(),
        keys,
        credentials: credentials.clone(),
        log_disk: Arc::default(),
        metrics,
        draining: AtomicBool::new(false),
        #[cfg(feature = "faults")]
        faults: Arc::default(),
    };
    Ok(Prepared { broker, credentials, journal, folder })
}

fn person_codes(config: &BrokerConfig) -> Result<PersonCodes, BrokerError> {
    let day = |day: Option<Day>| day.map(|day| u32::try_from(day.number()).unwrap_or(0));
    let read = |listed: &CodeMasterFile| {
        let path = config.path(&listed.file);
        let secret = key_file::read_array::<32>(&path)?;
        let master = CodeMaster::new(listed.version, *secret).map_err(|_| BrokerError::Key(path))?;
        let (issue_from, accept_until) = (day(listed.issue_from), day(listed.accept_until));
        Ok(CodeVersion { master, issue_from, accept_until })
    };
    let versions = config.code_masters.iter().map(read).collect::<Result<_, BrokerError>>()?;
    PersonCodes::new(versions).ok_or_else(|| BrokerError::Key(PathBuf::from("code_masters")))
}

/// The key that signs roots; the peer list must name it, or no receiver would believe them.
fn permit_key(config: &BrokerConfig, peers: &PeerList) -> Result<SigningKey, BrokerError> {
    let path = config.path(&config.permit_key);
    let key = signing_key(&path)?;
    let listed = peers.broker(&config.name).is_some_and(|own| own.permit_public.0 == key.public());
    if listed { Ok(key) } else { Err(BrokerError::KeyNotListed(path)) }
}

/// The key that cosigns; the peer list must name it, or it would count for nothing.
fn witness_key(config: &BrokerConfig, peers: &PeerList) -> Result<SigningKey, BrokerError> {
    let path = config.path(&config.witness_key);
    let key = signing_key(&path)?;
    let listed = peers.broker(&config.name).is_some_and(|own| own.witness_public.0 == key.public());
    if listed { Ok(key) } else { Err(BrokerError::WitnessNotListed(path)) }
}

fn signing_key(path: &Path) -> Result<SigningKey, BrokerError> {
    SigningKey::from_pkcs8(&key_file::read(path)?).map_err(|_| BrokerError::Key(path.to_owned()))
}

fn credentials(config: &BrokerConfig) -> Result<Arc<HopCredentials>, BrokerError> {
    let credentials = HopCredentials::open(config.tls.files(&config.base))?;
    if *credentials.identity() != Identity::Broker(config.name.clone()) {
        let found = credentials.identity().clone();
        return Err(BrokerError::WrongIdentity { found, name: config.name.clone() });
    }
    Ok(credentials)
}

/// The keyring of the broker's own records, made the first time.
fn keyring(config: &BrokerConfig, folder: &DataFolder, today: u32) -> Result<Arc<KeyringFile>, BrokerError> {
    let path = folder.keyring_path(exchange::OWNER)?;
    let (owner, provider) = (config.owner()?, config.keys.open(&config.base)?);
    let file = match KeyringFile::open(&path, provider.clone(), &owner) {
        Err(KeyfileError::Missing) => KeyringFile::create(&path, provider, &owner, today)?,
        opened => opened?,
    };
    Ok(Arc::new(file))
}

fn journal(config: &BrokerConfig, folder: &DataFolder, metrics: &Metrics) -> Result<Journal, BrokerError> {
    let options = journal_options(metrics, config.log_disk.rules(config.development));
    let (journal, recovered) = folder.journal(options)?;
    tracing::info!(entries = recovered.entries, torn_bytes = recovered.torn_bytes, "journal open");
    Ok(journal)
}

async fn serve(
    prepared: Prepared,
    config: &BrokerConfig,
    mut stop: watch::Receiver<bool>,
) -> Result<(), BrokerError> {
    let Prepared { broker, credentials, journal, folder } = prepared;
    let broker = Arc::new(broker);
    let limits = ServerLimits { connections: config.limits.connections, ..ServerLimits::default() };
    let endpoint = server_endpoint(config.listen.relay, &credentials, broker.clock.clone(), limits)?;
    let endpoint = Arc::new(endpoint);
    let readiness = {
        let broker = broker.clone();
        Arc::new(move || broker.readiness().map(|()| broker.log_disk.told().into_iter().collect()))
    };
    if config.brokers.is_empty() {
        tracing::warn!(
            "no other broker is configured: nobody compares what this one has cosigned, and its records have no second copy"
        );
    }
    let links = links::dial(&broker, &credentials, &config.brokers)?;
    let bound = health::serve(config.listen.metrics, broker.metrics.clone(), readiness, stop.clone())
        .await
        .map_err(BrokerError::Metrics)?;
    tracing::info!(relay = %config.listen.relay, metrics = %bound, "listening");
    let accepting = tokio::spawn(server::serve(broker.clone(), endpoint.clone()));
    let retaining = retention::keep(broker.clone(), journal.clone(), config.retention, stop.clone());
    let retaining = tokio::spawn(retaining);
    let (disk, rules) = (broker.log_disk.clone(), config.log_disk.rules(config.development));
    let disk = log_disk::keep(disk, journal.clone(), rules, broker.metrics.clone(), stop.clone());
    let disk = tokio::spawn(disk);
    let measuring = telemetry::journal::measure(journal, broker.metrics.clone(), stop.clone());
    let measuring = tokio::spawn(measuring);
    let upkeep = tokio::spawn(upkeep::keep_up(broker.clone(), stop.clone()));
    let indexing = {
        let (broker, stop) = (broker.clone(), stop.clone());
        tokio::spawn(async move { index::keep(&broker, stop).await })
    };
    let following = tokio::spawn(hop_files::follow(credentials, broker.clock.clone()));
    let keeping = tokio::spawn(keys::keep(broker.clone(), stop.clone()));
    let linking = tokio::spawn(links::keep(broker.clone(), links));
    // Its sender gone, nobody could ask for a stop any more: that is one.
    let _ = stop.wait_for(|stop| *stop).await;
    drain(&broker, &endpoint, Duration::from_secs(config.limits.drain_seconds)).await;
    accepting.abort();
    upkeep.abort();
    following.abort();
    keeping.abort();
    linking.abort();
    // They have heard of the stop as well, and let go of the journal.
    let _ =
        tokio::time::timeout(FAREWELL, async { tokio::join!(measuring, retaining, indexing, disk) }).await;
    drop(folder);
    Ok(())
}

/// New requests are turned away, those begun have their time, then peers are told.
async fn drain(broker: &Broker, endpoint: &ServerEndpoint, within: Duration) {
    broker.draining.store(true, Ordering::Relaxed);
    let deadline = Instant::now() + within;
    while broker.metrics.in_flight.get() > 0 && Instant::now() < deadline {
        tokio::time::sleep(DRAIN_LOOK).await;
    }
    tracing::info!(left = broker.metrics.in_flight.get(), "drained");
    // The last permits are proven before their connections end.
    broker.roots.send_last(FAREWELL).await;
    endpoint.shutdown(FAREWELL).await;
}
