//! What an erasure is about and how far it has come: a sealed row, written before anything happens and with every step.

use chukei_crypto::seal::{PersonSlot, Purpose};
use chukei_domain::erasure::{ErasedKey, ErasureScope};
use chukei_store::{Batch, RowKey, Space};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use crate::hosted::HostedBody;
use crate::hosted::persons::PersonRef;
use crate::hosted::rows::{RowError, SealedFor};

/// What comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Stage {
    /// The event that it was begun.
    #[serde(rename = "begun")]
    Begun,
    /// The end of the keys.
    #[serde(rename = "keys")]
    Keys,
    /// The removal of rows that nobody opens any more.
    #[serde(rename = "rows")]
    Rows,
    /// The event that it is final in the live store.
    #[serde(rename = "tell")]
    Tell,
    /// The end of older epochs, and the event that it is final in every backup.
    #[serde(rename = "backups")]
    Backups,
}

/// One erasure. Nothing in it is a person's but the random id inside the body.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Plan {
    #[serde(rename = "i", with = "serde_bytes")]
    pub(super) id: [u8; 16],
    #[serde(rename = "s")]
    pub(super) scope: ErasureScope,
    #[serde(rename = "f")]
    pub(super) reference: String,
    #[serde(rename = "t")]
    pub(super) begun_ms: u64,
    #[serde(rename = "w")]
    pub(super) actor: String,
    /// The person, where it is one.
    #[serde(rename = "p")]
    pub(super) person: Option<PersonRef>,
    /// Names of the aliases by addressee number and by code.
    #[serde(rename = "a")]
    pub(super) aliases: [ByteBuf; 2],
    /// The key that ends: its page, slot and generation.
    #[serde(rename = "o")]
    pub(super) page: u32,
    #[serde(rename = "l")]
    pub(super) slot: u8,
    #[serde(rename = "g")]
    pub(super) generation: u32,
    #[serde(rename = "q")]
    pub(super) stage: Stage,
    /// Keys that are destroyed.
    #[serde(rename = "k")]
    pub(super) keys: Vec<ErasedKey>,
    /// When the keys had ended, Unix milliseconds.
    #[serde(rename = "m")]
    pub(super) live_ms: u64,
    /// The newest epoch under which a keyring with the keys was sealed.
    #[serde(rename = "e")]
    pub(super) epoch: u32,
    /// Rows that were removed.
    #[serde(rename = "r")]
    pub(super) rows: u64,
    /// Where the search for rows goes on: the name of the last one that was looked at.
    #[serde(rename = "c")]
    pub(super) looked: Option<ByteBuf>,
    /// The log's number from which on the next event may stand already.
    #[serde(rename = "n")]
    pub(super) log_from: u64,
}

const SEALED: SealedFor = SealedFor { purpose: Purpose::Names, day: 0, person: None };

impl Plan {
    /// The slot whose key ends.
    pub(super) fn slot(&self) -> PersonSlot {
        PersonSlot { page: self.page, slot: self.slot }
    }

    /// Whether both end the same.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        (self.scope, self.slot(), self.generation) == (other.scope, other.slot(), other.generation)
    }

    fn row(&self) -> RowKey {
        RowKey::new(Space::Erasure).bytes(&self.id)
    }

    /// Adds the plan as it stands now to `batch`.
    pub(super) async fn put(&self, body: &HostedBody, batch: Batch) -> Result<Batch, RowError> {
        body.put(batch, Space::Erasure, self.row(), SEALED, self).await
    }

    /// Makes the plan durable as it stands now.
    pub(super) async fn save(&self, body: &HostedBody) -> Result<(), RowError> {
        body.apply(self.put(body, Batch::new()).await?).await
    }

    /// It is over.
    pub(super) async fn remove(&self, body: &HostedBody) -> Result<(), RowError> {
        body.apply(Batch::new().delete(self.row())).await
    }

    /// Every erasure of the body that is not over, in no order that matters.
    pub(super) async fn open(body: &HostedBody) -> Result<Vec<Self>, RowError> {
        let prefix = RowKey::new(Space::Erasure);
        let (mut plans, mut after) = (Vec::new(), None);
        loop {
            let rows = body.scan(&prefix, after.as_ref(), chukei_store::partition::MAX_SCAN_ROWS).await?;
            after = rows.next();
            for (row, stored) in &rows.rows {
                plans.push(body.open_value(Space::Erasure, row, &stored.value).await?);
            }
            if after.is_none() {
                return Ok(plans);
            }
        }
    }
}
