//! What a body keeps in its rows of a gap in its log (R43): the last checkpoint that it knows to be cosigned, which goes into
//! backups with the other rows, and the statement that two persons decided after a restore.

use chukei_crypto::tlog::SignedCheckpoint;
use chukei_relay_client::log_key::LogOrigin;
use chukei_store::{Batch, RowKey, Space};
use chukei_wire::message::log::LogGap;
use serde::{Deserialize, Serialize};

use crate::checkpoints::rows::SEALED;
use crate::hosted::HostedBody;
use crate::hosted::rows::RowError;

/// A checkpoint with its cosignatures.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Witnessed {
    /// The note.
    #[serde(rename = "c")]
    pub(crate) note: String,
}

impl Witnessed {
    /// Which log it is of.
    pub(crate) fn origin(&self) -> Option<LogOrigin> {
        SignedCheckpoint::parse(self.note.as_bytes()).ok()?.unverified().origin().parse().ok()
    }

    /// Leaves of the log then.
    pub(crate) fn size(&self) -> u64 {
        let checkpoint = SignedCheckpoint::parse(self.note.as_bytes());
        checkpoint.map_or(0, |checkpoint| checkpoint.unverified().head().size)
    }
}

fn statement_row() -> RowKey {
    RowKey::new(Space::LogTree).bytes(&[5])
}

fn witnessed_row() -> RowKey {
    RowKey::new(Space::LogTree).bytes(&[6])
}

/// The statement that was made last.
pub(crate) async fn stated(body: &HostedBody) -> Result<Option<LogGap>, RowError> {
    let row = statement_row();
    body.open_row(Space::LogTree, &row, &body.get_row(&row).await?).await
}

/// Stores a statement in the place of the one before.
pub(crate) async fn store(body: &HostedBody, gap: &LogGap) -> Result<(), RowError> {
    body.apply(body.put(Batch::new(), Space::LogTree, statement_row(), SEALED, gap).await?).await
}

/// The last checkpoint that is known to be cosigned, of whichever epoch.
pub(crate) async fn witnessed(body: &HostedBody) -> Result<Option<Witnessed>, RowError> {
    let row = witnessed_row();
    body.open_row(Space::LogTree, &row, &body.get_row(&row).await?).await
}

/// Stores it.
pub(crate) async fn keep_witnessed(body: &HostedBody, last: &Witnessed) -> Result<(), RowError> {
    body.apply(body.put(Batch::new(), Space::LogTree, witnessed_row(), SEALED, last).await?).await
}
