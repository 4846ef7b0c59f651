//! The broker: the only way between portal and nodes. It routes, converts person codes, permits and records.
//!
//! What must hold: it never sees content (what it passes on is sealed by keys it does not have), and keeps none;
//! a request it cannot convert, permit or record goes nowhere. It uses the store and what both roles share
//! (admission, telemetry, configuration), and nothing else of the node.

mod acquire;
mod announce;
mod codes;
mod copies;
mod ending;
mod exchange;
#[cfg(feature = "faults")]
pub mod faults;
mod hide;
mod index;
mod keys;
mod limits;
mod links;
mod party_rate;
mod peer;
mod public_key_work;
mod records;
mod relay;
mod renew;
mod requests;
mod retention;
mod rights;
mod roots;
mod routes;
mod server;
mod start;
mod upkeep;
mod waiting;
mod witness;

#[cfg(test)]
mod samples;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use chukei_crypto::acquisition::AcquisitionKeyPair;
use chukei_relay_client::clock::Clock;
use chukei_relay_client::peers::WatchedPeers;
use chukei_relay_client::tls::HopCredentials;
use chukei_store::journal::Journal;
use chukei_wire::body_code::BodyCode;
use chukei_wire::header::Kind;
use prometheus::IntGauge;

use crate::admission::Admission;
use crate::broker::codes::PersonCodes;
use crate::broker::copies::Holder;
use crate::broker::exchange::ExchangeLog;
use crate::broker::index::ExchangeIndex;
use crate::broker::keys::BrokerKeys;
use crate::broker::limits::BodyLimits;
use crate::broker::party_rate::PartyRate;
use crate::broker::peer::Peer;
use crate::broker::public_key_work::PublicKeyWork;
use crate::broker::rights::Passage;
use crate::broker::roots::Roots;
use crate::broker::routes::Routes;
use crate::broker::witness::Witness;
use crate::config::broker::LegalBasis;
use crate::hop_files;
use crate::log_disk::{Level, LogDisk};
use crate::telemetry::metrics::Metrics;

pub use copies::AdoptError;
#[cfg(feature = "faults")]
pub use start::run_with_faults;
pub use start::{BrokerError, run};

/// Everything the broker's tasks share.
struct Broker {
    name: String,
    clock: Clock,
    peers: Arc<WatchedPeers>,
    routes: Routes<Peer>,
    codes: PersonCodes,
    renewals: PartyRate,
    questions: PartyRate,
    acquisition_key: AcquisitionKeyPair,
    legal_basis: LegalBasis,
    admission: Admission,
    limits: BodyLimits,
    public_key_work: PublicKeyWork,
    exchanges: ExchangeLog,
    index: ExchangeIndex,
    roots: Roots,
    witness: Witness,
    /// The configured other brokers.
    others: Vec<String>,
    /// Copies of theirs that are held here.
    copies: Arc<Holder>,
    journal: Arc<Journal>,
    keys: BrokerKeys,
    credentials: Arc<HopCredentials>,
    log_disk: Arc<LogDisk>,
    metrics: Metrics,
    draining: AtomicBool,
    #[cfg(feature = "faults")]
    faults: Arc<faults::BrokerFaults>,
}

impl Broker {
    fn legal_basis(&self, passage: &Passage) -> &str {
        if passage.to_body { &self.legal_basis.self_info } else { &self.legal_basis.notice }
    }

    /// The person that the permit of a request names: the one the asker's code stands for.
    #[cfg(not(feature = "faults"))]
    fn named_in_permit(&self, _: Kind, _: &Passage, person: Option<u64>) -> Option<u64> {
        person
    }

    /// As without faults, unless a test has armed one.
    #[cfg(feature = "faults")]
    fn named_in_permit(&self, kind: Kind, passage: &Passage, person: Option<u64>) -> Option<u64> {
        let confused = |person| self.faults.named(passage.body, person);
        if kind == Kind::SelfInfo { person.map(confused) } else { person }
    }

    /// Routes end with the identity under which they were delegated.
    fn drop_unlisted_routes(&self) {
        let peers = self.peers.load();
        let listed = |body: &BodyCode, identity: &[u8]| {
            peers.body(body).is_some_and(|peer| peer.identities.contains(identity))
        };
        let dropped = self.routes.keep(listed);
        if dropped > 0 {
            tracing::warn!(bodies = dropped, "routes dropped: their identities left the peer list");
        }
    }

    fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    fn in_flight(&self) -> InFlight {
        self.metrics.in_flight.inc();
        InFlight(self.metrics.in_flight.clone())
    }

    /// Whether nothing that is signed says that the clock is wrong.
    fn trusts_clock(&self, now_ms: u64) -> bool {
        self.credentials.fitness(now_ms).is_ok()
            && now_ms < self.peers.load().not_after_ms()
            && self.peers.fault().is_none()
    }

    /// Whether a request could be served now; what is missing, in words for operators.
    fn readiness(&self) -> Result<(), String> {
        let now_ms = self.clock.now_ms();
        if let Some(fault) = self.peers.fault() {
            return Err(fault.to_string());
        }
        if self.is_draining() {
            return Err("stopping".into());
        }
        if self.exchanges.failed() {
            return Err("the journal has failed".into());
        }
        if self.log_disk.level() == Level::Disclosures {
            return Err("the log's disk is full: see the runbook ChukeiDegraded".into());
        }
        if let Some(fault) = self.keys.gate.fault() {
            return Err(format!("the keyring cannot be used: {fault}"));
        }
        hop_files::readiness(&self.credentials, now_ms)?;
        if !self.routes.any(now_ms) {
            return Err("no body or no portal is connected".into());
        }
        Ok(())
    }
}

/// One request in the gauge, for as long as it lives.
struct InFlight(IntGauge);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.dec();
    }
}
