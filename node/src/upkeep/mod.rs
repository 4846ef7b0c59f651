//! What operators and maintenance may do: restart, backups, restore, moves, compaction, a look at how things stand. All
//! of it on processes and ciphertext (R2).
//!
//! What must hold: a handler here holds a [`Grant`] over an [`UpkeepScope`] and the [`SealedBody`] that comes of it, none
//! of which leads to a key or an opened value; backups lie in one folder of the host and are named by callers, never
//! placed; work that has begun is done to its end, whether or not its caller waits. Deliberately absent: `HostedBody`.
//!
//! [`SealedBody`]: crate::hosted::sealed_body::SealedBody

mod answer;
mod backups;
mod compaction;
mod desk;
mod folder;
mod restart;
mod restoring;
mod standing;

use std::sync::Arc;

use chukei_wire::header::Kind;
use chukei_wire::result::ResultName;

use crate::access::grant::{Grant, Operate};
use crate::access::upkeep::UpkeepScope;
use crate::app::Node;
use crate::bodies::call::{Call, CallError, Done};

pub use desk::Desk;

/// Leave for one act of upkeep.
pub type UpkeepGrant = Grant<Operate, UpkeepScope>;

/// Serves a permitted act of upkeep.
pub async fn serve(node: &Arc<Node>, grant: &UpkeepGrant, call: &mut Call) -> Result<Done, CallError> {
    match call.header.kind {
        Kind::UpkeepStatus => standing::status(node, grant, call).await,
        Kind::NodeRestart => restart::restart(node, grant, call).await,
        Kind::UpkeepBackup => backups::create(node, grant, call).await,
        Kind::UpkeepVerify => backups::verify(node, grant, call).await,
        Kind::UpkeepRestore => restoring::restore(node, grant, call).await,
        Kind::UpkeepMove => restoring::move_rows(node, grant, call).await,
        Kind::UpkeepCompact => compaction::compact(node, grant, call).await,
        _ => Err(CallError::Refused(ResultName::NotPermitted)),
    }
}
