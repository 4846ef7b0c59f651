//! Where a record id leads: a record is identified within its body by its id.

use chukei_crypto::seal::SealError;
use chukei_domain::copy_row::CopyRow;
use chukei_store::{RowKey, Space, Versioned};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::hosted::HostedBody;
use crate::hosted::persons::PersonRef;
use crate::hosted::rows::RowError;

/// The record's place and a keyed tag of its content, by which an unchanged row is known without its document.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct RecordEntry {
    #[serde(rename = "p")]
    person: PersonRef,
    #[serde(rename = "d")]
    dataset: String,
    #[serde(rename = "i")]
    item: String,
    #[serde(rename = "k")]
    record_key: String,
    #[serde(rename = "t", with = "serde_bytes")]
    tag: [u8; 32],
}

impl RecordEntry {
    /// The entry of `row` about `person`.
    pub(super) fn of(body: &HostedBody, person: PersonRef, row: &CopyRow) -> Self {
        Self {
            person,
            dataset: row.dataset.to_string(),
            item: row.item.to_string(),
            record_key: row.record_key.to_string(),
            tag: content_tag(body, row),
        }
    }

    /// Whether both name the same (person, dataset, item, record key).
    pub(super) fn is_same_place(&self, other: &Self) -> bool {
        (self.person, &self.dataset, &self.item, &self.record_key)
            == (other.person, &other.dataset, &other.item, &other.record_key)
    }

    /// The form that is sealed, under the person's key and the dataset's.
    pub(super) fn to_bytes(&self) -> Result<Zeroizing<Vec<u8>>, RowError> {
        chukei_cbor::to_vec(self).map(Zeroizing::new).map_err(|_| RowError::Malformed)
    }

    /// Opens a stored entry; `None` where there is none, or its person or dataset is erased.
    pub(super) async fn read(
        body: &HostedBody,
        row: &RowKey,
        stored: Option<Versioned>,
    ) -> Result<Option<Self>, RowError> {
        let Some(stored) = stored else { return Ok(None) };
        match body.open_copy(Space::RecordId, row, stored.value).await {
            Ok(Some(plain)) => chukei_cbor::from_slice(&plain).map(Some).map_err(|_| RowError::Malformed),
            Ok(None) | Err(RowError::Seal(SealError::KeyDestroyed)) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// Row of a record id.
pub(super) fn record_row(body: &HostedBody, row: &CopyRow) -> RowKey {
    body.row(Space::RecordId, &[row.record_id.as_str().as_bytes()])
}

fn content_tag(body: &HostedBody, row: &CopyRow) -> [u8; 32] {
    let end = row.publication_end_date.map(|day| day.compact()).unwrap_or_default();
    // Whether there is a reason at all is told apart from an empty one by its own part.
    let reason = row.reason_of_null.as_deref();
    body.keys().naming().name(
        Space::RecordId.code(),
        &[
            b"content",
            row.layout_version.as_str().as_bytes(),
            row.publication_date.compact().as_bytes(),
            end.as_bytes(),
            &[u8::from(row.deleted), u8::from(reason.is_some())],
            reason.unwrap_or_default().as_bytes(),
            row.value.as_bytes(),
        ],
    )
}
