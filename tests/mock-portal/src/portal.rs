//! The running portal: what it is made of, and what each call does.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use chukei_crypto::sign::SigningKey;
use chukei_domain::day::day_of;
use chukei_keys::Owner;
use chukei_relay_client::channel::{ChannelLimits, Channels};
use chukei_relay_client::clock::Clock;
use chukei_relay_client::dial::{Dialer, Target};
use chukei_relay_client::endpoint::{ClientEndpoint, EndpointError, client_endpoint};
use chukei_relay_client::holds::Holds;
use chukei_relay_client::identity_keys::{IdentityKeyError, IdentityKeys};
use chukei_relay_client::key_file::{self, KeyFileError};
use chukei_relay_client::peers::{PeerListError, WatchedPeers};
use chukei_relay_client::permit::PastEpochs;
use chukei_relay_client::replay::ReplayWindow;
use chukei_relay_client::tls::{CredentialError, HopCredentials, TlsNews};
use chukei_wire::identity::Identity;
use chukei_wire::result::ResultName;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use crate::config::{BindingMaster, Settings};
use crate::core::Core;
use crate::failure::Failure;
use crate::folder::Folders;
use crate::inbound;
use crate::metrics::Metrics;
use crate::protocol::{Command, Done, LoggedOut, Part, PersonEntry, PersonRecords, SelfInfo};
use crate::records::Wanted;
use crate::registry::number::addressee_number;
use crate::registry::{PERSONS_MAX, Registry, add_persons, reissue};
use crate::socket::server::Replies;
use crate::storage::{Vault, VaultError};
use crate::{identities, notices, records, self_info};

/// Request ids of bodies remembered at once; further requests are OVERLOADED.
const REQUEST_IDS: usize = 1_000_000;
/// Time peers have to hear of the end.
const FAREWELL: Duration = Duration::from_secs(1);

/// Why the portal did not start.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StartError {
    /// A key file was refused.
    #[error(transparent)]
    KeyFile(#[from] KeyFileError),
    /// A key file holds no key of the kind it should.
    #[error("{0}: not a key of the expected kind")]
    Key(PathBuf),
    /// The provider of its roots and epochs.
    #[error("keys: {0}")]
    Keys(String),
    /// Hop certificate, key or authority.
    #[error(transparent)]
    Credentials(#[from] CredentialError),
    /// The certificate is somebody else's.
    #[error("the hop certificate is of {0}, not of this portal")]
    WrongCertificate(Identity),
    /// The peer list was refused (R24).
    #[error(transparent)]
    Peers(#[from] PeerListError),
    /// The signed peer list does not name what the configuration names.
    #[error("the peer list does not hold {0}")]
    NotListed(String),
    /// The portal's identity key was refused.
    #[error(transparent)]
    Identity(#[from] IdentityKeyError),
    /// The store did not open.
    #[error("the portal's store: {0}")]
    Store(String),
    /// The transport did not start.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// Metrics could not be registered.
    #[error(transparent)]
    Metrics(#[from] prometheus::Error),
    /// An address or the socket could not be bound.
    #[error("{0}: {1}")]
    Listen(String, #[source] std::io::Error),
}

impl From<VaultError> for StartError {
    fn from(error: VaultError) -> Self {
        Self::Store(error.to_string())
    }
}

/// A portal connected to its brokers.
pub(crate) struct Portal {
    core: Arc<Core>,
    links: Arc<Dialer>,
    endpoint: ClientEndpoint,
    requests: Semaphore,
    requests_max: usize,
    credentials: Arc<HopCredentials>,
}

impl Portal {
    /// Opens the store and starts dialling every broker; must be called within a runtime. Nobody else may have
    /// the data folder open.
    pub(crate) async fn start(settings: &Settings) -> Result<Self, StartError> {
        let clock = settings.clock_file.as_ref().map_or_else(Clock::system, Clock::file);
        let credentials = HopCredentials::open(settings.tls.files(Path::new("")))?;
        if *credentials.identity() != Identity::Portal(settings.name.clone()) {
            return Err(StartError::WrongCertificate(credentials.identity().clone()));
        }
        let core = Arc::new(core(settings, clock.clone()).await?);
        let any: SocketAddr = if settings.brokers.iter().any(|broker| broker.address.is_ipv6()) {
            (Ipv6Addr::UNSPECIFIED, 0).into()
        } else {
            (Ipv4Addr::UNSPECIFIED, 0).into()
        };
        let endpoint = client_endpoint(any)?;
        let targets = settings.brokers.iter().map(|broker| Target {
            name: broker.name.clone(),
            address: broker.address.to_string(),
            identity: Identity::Broker(broker.name.clone()),
        });
        tokio::spawn(credentials.follow(clock.clone(), TlsNews::log));
        tokio::spawn(identities::follow(Arc::downgrade(&core)));
        let hook = inbound::hook(Arc::clone(&core));
        let links = Dialer::start(endpoint.clone(), credentials.clone(), clock, targets.collect(), hook);
        Ok(Self {
            core,
            links: Arc::new(links),
            endpoint,
            requests: Semaphore::new(settings.limits.requests),
            requests_max: settings.limits.requests,
            credentials,
        })
    }

    /// Requests a person's own information of `body` for them, opening a login where none is open. Over the
    /// configured number in flight the answer is OVERLOADED (R40).
    pub(crate) async fn self_info(
        &self,
        person: &str,
        body: &str,
        datasets: &[String],
    ) -> Result<SelfInfo, Failure> {
        let begun = Instant::now();
        let answer = match self.requests.try_acquire() {
            Ok(_admitted) => self_info::request(&self.core, &self.links, person, body, datasets).await,
            Err(_) => Err(Failure::refused(ResultName::Overloaded)),
        };
        let result =
            answer.as_ref().map_or_else(|failure| failure.code.as_str(), |done| done.result.as_str());
        self.core.metrics.count("self-info", result, begun.elapsed().as_secs_f64());
        answer
    }

    /// Fetches what bodies' logs say of a person, as one request in flight.
    async fn records(&self, wanted: &Wanted<'_>, replies: &Replies) -> Result<PersonRecords, Failure> {
        let begun = Instant::now();
        let fetched = match self.requests.try_acquire() {
            Ok(_admitted) => records::of(&self.core, &self.links, wanted, replies).await,
            Err(_) => Err(Failure::refused(ResultName::Overloaded)),
        };
        let result = fetched.as_ref().map_or_else(|failure| failure.code.as_str(), |_| "DONE");
        self.core.metrics.count("records", result, begun.elapsed().as_secs_f64());
        fetched
    }

    /// Does what a call asks; parts of long results go to `replies`.
    pub(crate) async fn perform(&self, command: Command, replies: &Replies) -> Result<Done, Failure> {
        let core = &self.core;
        match command {
            Command::PersonAdd { body, count } => self.person_add(&body, count, replies).await,
            Command::PersonReissue { body, first } => self.person_reissue(&body, first, replies).await,
            Command::PersonList { body } => self.person_list(&body, replies).await,
            Command::SelfInfo { person, body, datasets } => {
                self.self_info(&person, &body, &datasets).await.map(Done::SelfInfo)
            }
            Command::Records { person, body, verify, receipts } => {
                let wanted = Wanted { person: &person, body: body.as_deref(), verify, receipts };
                self.records(&wanted, replies).await.map(Done::Records)
            }
            Command::Notices { person } => notices::list(core, &person).await.map(Done::Notices),
            Command::Read { person, notice } => notices::read(core, &person, &notice).await.map(Done::Read),
            Command::Answer { person, notice, choice } => {
                notices::answer(core, &person, &notice, &choice).await.map(Done::Answered)
            }
            Command::Logout { person } => {
                let erased = core.folders.logout(core.person(&person).await?.person);
                Ok(Done::LoggedOut(LoggedOut { result: "DONE".to_owned(), erased }))
            }
        }
    }

    async fn person_add(&self, body: &str, count: u64, replies: &Replies) -> Result<Done, Failure> {
        let body = self.core.body(body)?;
        if !(1..=PERSONS_MAX).contains(&count) {
            return Err(Failure::usage("count must be between 1 and 10,000,000"));
        }
        add_persons(&self.core, &self.links, body, count, |rows| replies.part(Part::Added(rows))).await?;
        Ok(Done::PersonsAdded)
    }

    async fn person_reissue(
        &self,
        body: &str,
        first: Option<u64>,
        replies: &Replies,
    ) -> Result<Done, Failure> {
        let body = self.core.body(body)?;
        reissue(&self.core, body, first, |rows| replies.part(Part::Added(rows))).await?;
        Ok(Done::PersonsReissued)
    }

    async fn person_list(&self, body: &str, replies: &Replies) -> Result<Done, Failure> {
        let body = self.core.body(body)?;
        let mut after = None;
        loop {
            let page = self.core.vault.list_persons(body, after).await;
            let (page, more) = page.map_err(|error| self.core.store_failed(&error))?;
            after = page.last().map(|row| row.counter);
            let entries = page.iter().map(|row| PersonEntry {
                person: row.person.to_string(),
                integrated_addressee_number: addressee_number(body, row.counter),
            });
            replies.part(Part::Listed(entries.collect())).await?;
            if !more {
                return Ok(Done::PersonsListed);
            }
        }
    }

    /// Whether a request could be served now; the error says what is missing.
    pub(crate) async fn ready(&self) -> Result<(), String> {
        if self.links.any().is_none() {
            return Err("no broker is connected".to_owned());
        }
        if let Some(fault) = self.core.peers.fault() {
            return Err(fault.to_string());
        }
        self.credentials.fitness(self.core.clock.now_ms()).map_err(|unfit| unfit.to_string())?;
        self.core.vault.check().await.map_err(|error| format!("store: {error}"))
    }

    pub(crate) fn core(&self) -> &Arc<Core> {
        &self.core
    }

    pub(crate) fn links(&self) -> &Arc<Dialer> {
        &self.links
    }

    pub(crate) fn metrics(&self) -> &Metrics {
        &self.core.metrics
    }

    /// Brings the gauges up to date.
    pub(crate) async fn observe(&self) {
        let metrics = self.metrics();
        for link in self.links.states() {
            metrics.connected.with_label_values(&[&link.name]).set(i64::from(link.connected));
        }
        let to_bodies = self.requests_max.saturating_sub(self.requests.available_permits());
        let from_bodies = self.core.limits.inbound.saturating_sub(self.core.inbound.available_permits());
        for (direction, count) in [("to-bodies", to_bodies), ("from-bodies", from_bodies)] {
            let gauge = metrics.in_flight.with_label_values(&[direction]);
            gauge.set(i64::try_from(count).unwrap_or(i64::MAX));
        }
        let (answered, opened) = self.core.channels.counts();
        let former = self.core.channels.on_former_identities();
        for (state, count) in [("answered", answered), ("opened", opened), ("former_identity", former)] {
            metrics.channels.with_label_values(&[state]).set(i64::try_from(count).unwrap_or(i64::MAX));
        }
        metrics.show_credentials(self.credentials.standing(self.core.clock.now_ms()));
        metrics.logins.set(i64::try_from(self.core.folders.len()).unwrap_or(i64::MAX));
        metrics.ready.set(i64::from(self.ready().await.is_ok()));
    }

    /// Closes every connection, telling the brokers.
    pub(crate) async fn shutdown(&self) {
        self.endpoint.shutdown(FAREWELL).await;
        inbound::permits::give_up(&self.core);
    }
}

async fn core(settings: &Settings, clock: Clock) -> Result<Core, StartError> {
    let (file, root) = (settings.peers.file.clone(), settings.peers.root.clone());
    let watched = WatchedPeers::open(file, root, clock.now_ms())?;
    let peers = watched.load_full();
    let identity = IdentityKeys::open(settings.identity_key.clone())?;
    let listed = peers.portal(&settings.name).map(|own| &own.identities);
    identity.choose(listed);
    if !listed.is_some_and(|listed| listed.contains(identity.current().spki())) {
        return Err(StartError::NotListed(format!("this identity key for portal {}", settings.name)));
    }
    let signing = SigningKey::from_pkcs8(&key_file::read(&settings.registry_key)?)
        .map_err(|_| StartError::Key(settings.registry_key.clone()))?;
    // Numbers are issued for the first broker that has an acquisition key; brokers of one system share it.
    let broker = settings.brokers.iter().find_map(|broker| peers.broker(&broker.name));
    let broker = broker.ok_or_else(|| StartError::NotListed("a configured broker".to_owned()))?;
    let read = |master: &BindingMaster| Ok((master.version, key_file::read_array(&master.file)?));
    let binding_masters = settings.binding_masters.iter().map(read).collect::<Result<_, KeyFileError>>()?;
    let owner = settings.name.parse::<Owner>().map_err(|error| StartError::Keys(error.to_string()))?;
    let provider = settings.keys.open(Path::new("")).map_err(|error| StartError::Keys(error.to_string()))?;
    let today = day_of(clock.now_ms());
    let limits = settings.limits.clone();
    let rotating = ChannelLimits::rotating(limits.channel_max_seconds, limits.channel_max_messages);
    let channels = Channels::new(rotating);
    channels.enforce(Arc::clone(&peers));
    let timeout_ms = settings.login_timeout_s.saturating_mul(1_000);
    let metrics = Metrics::new()?;
    Ok(Core {
        name: settings.name.clone(),
        registry: Registry::new(signing, binding_masters, broker.acquisition_public.0.clone()),
        vault: Vault::open_folder(
            &settings.data_dir,
            provider,
            &owner,
            today,
            settings.keys.epochs_kept,
            metrics.store_seconds.clone(),
        )
        .await?,
        folders: Folders::new(limits.logins, limits.folder_bytes, timeout_ms),
        channels,
        window: ReplayWindow::new(REQUEST_IDS),
        inbound: Semaphore::new(limits.inbound),
        past_permits: PastEpochs::default(),
        held_brokers: Holds::new(limits.integrity_hold_seconds.saturating_mul(1_000)),
        metrics,
        identity,
        clock,
        peers: Arc::new(watched),
        limits,
    })
}
