//! How far bodies' logs were verified: for each person and body the newest checkpoint, and what stood at the end of the
//! person's records then; and checkpoints of one log that contradict each other.
//!
//! What must hold: what was reached is replaced only by what was proven to continue it. Of a log that contradicted itself the
//! first two notes stay as they were signed, and with them it is refused ever after. Every list has a bound.

use chukei_crypto::tlog::{Hash, TreeHead};
use chukei_store::batch::Batch;
use chukei_store::row::{RowKey, Space};
use chukei_wire::body_code::BodyCode;
use chukei_wire::id::RequestId;
use chukei_wire::message::records::KnownHead;
use serde::{Deserialize, Serialize};

use super::person::PersonId;
use super::{Vault, VaultError};

/// Lost disclosures of one person at one body that are remembered; of more the newest stay.
const LOST_MAX: usize = 4_096;
/// Epochs of permits of one person at one body that are remembered.
const ROOTS_MAX: usize = 1_024;

/// A checkpoint of a body's log as it is known here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct KnownLog {
    /// Epoch of the log.
    #[serde(rename = "e")]
    pub(crate) epoch: u64,
    /// Leaves.
    #[serde(rename = "s")]
    pub(crate) size: u64,
    /// Root over them.
    #[serde(rename = "r", with = "serde_bytes")]
    pub(crate) root: Hash,
    /// The note, with its signatures: evidence against a log that contradicts it.
    #[serde(rename = "c")]
    pub(crate) note: String,
}

impl KnownLog {
    /// As questions name it.
    pub(crate) fn named(&self) -> KnownHead {
        KnownHead { epoch: self.epoch, size: self.size }
    }

    /// Size and root.
    pub(crate) fn head(&self) -> TreeHead {
        TreeHead { size: self.size, root: self.root }
    }
}

/// How far a body's records about a person were verified.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Reached {
    /// The newest checkpoint.
    #[serde(rename = "k")]
    pub(crate) log: KnownLog,
    /// Places there were.
    #[serde(rename = "n")]
    pub(crate) count: u64,
    /// The last place that was open, by its number, and its leaf's hash; 0 where none was.
    #[serde(rename = "l")]
    pub(crate) number: u64,
    #[serde(rename = "h", with = "serde_bytes")]
    pub(crate) leaf: Hash,
    /// Disclosures whose records a restore of the log has lost, oldest first.
    #[serde(rename = "x")]
    pub(crate) lost: Vec<RequestId>,
}

/// Two checkpoints of one log that cannot both be true, as notes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Contradiction {
    /// What was known.
    #[serde(rename = "k")]
    pub(crate) known: String,
    /// What was shown later.
    #[serde(rename = "s")]
    pub(crate) shown: String,
    /// When, Unix milliseconds.
    #[serde(rename = "t")]
    pub(crate) at_ms: u64,
}

/// How far a broker's signed roots over one epoch of permits were known to go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct KnownRoot {
    /// The epoch.
    #[serde(rename = "e", with = "serde_bytes")]
    pub(crate) epoch: [u8; 16],
    /// The broker that has signed it.
    #[serde(rename = "b")]
    pub(crate) broker: String,
    /// Number of the last permit under it.
    #[serde(rename = "n")]
    pub(crate) covered: u64,
    /// The root.
    #[serde(rename = "r", with = "serde_bytes")]
    pub(crate) root: [u8; 32],
}

impl Vault {
    /// How far the records of a person at a body were verified.
    pub(crate) async fn reached(
        &self,
        person: PersonId,
        body: BodyCode,
    ) -> Result<Option<Reached>, VaultError> {
        self.read(&self.reached_key(person, body)).await
    }

    /// The records of a person at a body were verified so far; durable when this returns.
    pub(super) async fn reach(
        &self,
        person: PersonId,
        body: BodyCode,
        mut reached: Reached,
    ) -> Result<(), VaultError> {
        let over = reached.lost.len().saturating_sub(LOST_MAX);
        reached.lost.drain(..over);
        self.apply(self.put(Batch::new(), self.reached_key(person, body), &reached)?).await
    }

    /// What the log of a body contradicted itself with, in this epoch.
    pub(crate) async fn contradiction(
        &self,
        body: BodyCode,
        epoch: u64,
    ) -> Result<Option<Contradiction>, VaultError> {
        self.read(&self.contradiction_key(body, epoch)).await
    }

    /// Keeps two notes, durably, unless there are such of this log already.
    pub(crate) async fn keep_contradiction(
        &self,
        body: BodyCode,
        epoch: u64,
        contradiction: &Contradiction,
    ) -> Result<(), VaultError> {
        let key = self.contradiction_key(body, epoch);
        match self.apply(self.put_new(Batch::new(), key, contradiction)?).await {
            Err(VaultError::Store(chukei_store::StoreError::Conflict)) => Ok(()),
            kept => kept,
        }
    }

    /// The roots of permits that brokers have named for this person and body.
    pub(crate) async fn permit_roots(
        &self,
        person: PersonId,
        body: BodyCode,
    ) -> Result<Vec<KnownRoot>, VaultError> {
        Ok(self.read(&self.roots_key(person, body)).await?.unwrap_or_default())
    }

    /// Keeps them, durably: of more than there is room for the first.
    pub(crate) async fn keep_permit_roots(
        &self,
        person: PersonId,
        body: BodyCode,
        mut roots: Vec<KnownRoot>,
    ) -> Result<(), VaultError> {
        roots.truncate(ROOTS_MAX);
        self.apply(self.put(Batch::new(), self.roots_key(person, body), &roots)?).await
    }

    fn reached_key(&self, person: PersonId, body: BodyCode) -> RowKey {
        let parts: [&[u8]; 3] = [b"verified", &person.bytes(), body.as_bytes()];
        RowKey::new(Space::PortalUser).name(&self.name(Space::PortalUser, &parts))
    }

    fn roots_key(&self, person: PersonId, body: BodyCode) -> RowKey {
        let parts: [&[u8]; 3] = [b"permit roots", &person.bytes(), body.as_bytes()];
        RowKey::new(Space::PortalUser).name(&self.name(Space::PortalUser, &parts))
    }

    fn contradiction_key(&self, body: BodyCode, epoch: u64) -> RowKey {
        let parts: [&[u8]; 3] = [b"contradiction", body.as_bytes(), &epoch.to_be_bytes()];
        RowKey::new(Space::Meta).name(&self.name(Space::Meta, &parts))
    }
}
