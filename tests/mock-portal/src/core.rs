//! What every part of the portal shares.

use std::sync::Arc;

use chukei_domain::day::day_of;
use chukei_relay_client::channel::Channels;
use chukei_relay_client::clock::Clock;
use chukei_relay_client::holds::Holds;
use chukei_relay_client::identity_keys::IdentityKeys;
use chukei_relay_client::peers::WatchedPeers;
use chukei_relay_client::permit::PastEpochs;
use chukei_relay_client::replay::ReplayWindow;
use chukei_wire::body_code::BodyCode;
use chukei_wire::result::ResultName;

use tokio::sync::Semaphore;

use crate::config::Limits;
use crate::failure::Failure;
use crate::folder::{FolderError, Folders};
use crate::metrics::Metrics;
use crate::registry::Registry;
use crate::storage::person::{PersonId, PersonRow};
use crate::storage::{Vault, VaultError};

/// Shared by calls, requests from bodies and background work.
pub(crate) struct Core {
    pub(crate) name: String,
    pub(crate) clock: Clock,
    pub(crate) peers: Arc<WatchedPeers>,
    pub(crate) identity: IdentityKeys,
    pub(crate) registry: Registry,
    pub(crate) vault: Vault,
    pub(crate) folders: Folders,
    pub(crate) channels: Channels,
    pub(crate) window: ReplayWindow,
    /// Requests from bodies in flight.
    pub(crate) inbound: Semaphore,
    /// What is still expected of brokers, and brokers held off.
    pub(crate) past_permits: PastEpochs,
    pub(crate) held_brokers: Holds<String>,
    pub(crate) metrics: Metrics,
    pub(crate) limits: Limits,
}

impl Core {
    /// The civil day in Japan, days since 1970-01-01.
    pub(crate) fn today(&self) -> u32 {
        day_of(self.clock.now_ms())
    }

    /// A body of the peer list; what is no body's code says why, an unlisted body is NOT_FOUND.
    pub(crate) fn body(&self, text: &str) -> Result<BodyCode, Failure> {
        use chukei_wire::body_code::InvalidBodyCode;
        let code: BodyCode = text.parse().map_err(|reason| {
            Failure::refused(match reason {
                InvalidBodyCode::Format => ResultName::BadFormat,
                InvalidBodyCode::CheckDigit => ResultName::BadCheckDigit,
            })
        })?;
        self.peers.load().body(&code).map(|_| code).ok_or_else(|| Failure::refused(ResultName::NotFound))
    }

    /// A person of the registry by user id.
    pub(crate) async fn person(&self, text: &str) -> Result<PersonRow, Failure> {
        let id = PersonId::parse(text).ok_or_else(|| Failure::refused(ResultName::NotFound))?;
        let row = self.vault.person(id).await.map_err(|error| self.store_failed(&error))?;
        row.ok_or_else(|| Failure::refused(ResultName::NotFound))
    }

    /// What a caller learns of a failed store; the cause is logged, an integrity failure alarms (R35).
    pub(crate) fn store_failed(&self, error: &VaultError) -> Failure {
        match error {
            VaultError::KeyDestroyed => return Failure::refused(ResultName::Expired),
            VaultError::Integrity => self.metrics.alarm("stored_row", &"-"),
            _ => {}
        }
        tracing::error!(%error, "the portal's store failed");
        match error {
            VaultError::Integrity => Failure::refused(ResultName::IntegrityFailure),
            VaultError::Store(chukei_store::StoreError::Busy) => Failure::refused(ResultName::Overloaded),
            VaultError::Store(_) => Failure::unavailable("the portal's store does not answer"),
            _ => Failure::internal("the portal's store failed"),
        }
    }
}

impl From<FolderError> for Failure {
    fn from(error: FolderError) -> Self {
        match error {
            FolderError::Full => Failure::refused(ResultName::Overloaded),
            FolderError::Closed => Failure::refused(ResultName::NotPermitted),
            FolderError::NoRandomness => Failure::internal(error.to_string()),
        }
    }
}
