//! The newest signed record of an erasure, as a row: what the log says as well, found without walking it.

use chukei_domain::erasure::ErasureRecord;
use chukei_store::{Batch, RowKey, Space};
use serde::{Deserialize, Serialize};

use crate::hosted::HostedBody;
use crate::hosted::rows::RowError;

/// What the body's identity has signed of an erasure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Certificate {
    /// The record.
    #[serde(rename = "c")]
    pub(crate) record: ErasureRecord,
    /// ECDSA P-256 with SHA-256 over [`ErasureRecord::to_signed_bytes`]: r ‖ s.
    #[serde(rename = "s", with = "serde_bytes")]
    pub(crate) signature: Vec<u8>,
}

fn row(erasure: [u8; 16]) -> RowKey {
    RowKey::new(Space::Act).bytes(&[2]).bytes(&erasure)
}

/// The newest one of this erasure; `None` before it is final in the live store.
pub(crate) async fn read(body: &HostedBody, erasure: [u8; 16]) -> Result<Option<Certificate>, RowError> {
    let row = row(erasure);
    let stored = body.get_row(&row).await?;
    body.open_row(Space::Act, &row, &stored).await
}

impl Certificate {
    /// Keeps it in the place of the one before.
    pub(super) async fn keep(&self, body: &HostedBody) -> Result<(), RowError> {
        let row = row(self.record.id);
        body.apply(body.put(Batch::new(), Space::Act, row, HostedBody::STUB, self).await?).await
    }
}
