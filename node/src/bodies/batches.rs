//! Long calls that bring rows: batch by batch, each durable before it is answered.
//!
//! What must hold: a batch is bounded, and begun only while the body has room for rows; begun, it is done to its end,
//! whether or not the caller waits.

use std::future::Future;
use std::sync::Arc;

use chukei_wire::message::staff::{BatchReply, RowOutcome};
use chukei_wire::result::ResultName;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::access::grant::{Grant, Write};
use crate::app::Node;
use crate::bodies::call::{Call, CallError, Done};

/// Serves batches until the caller has said all. `fits`: the batch has no more rows than it may.
pub(super) async fn serve<B, W>(
    node: &Arc<Node>,
    grant: Grant<Write>,
    call: &mut Call,
    fits: fn(&B) -> bool,
    work: impl Fn(Arc<Node>, Arc<Grant<Write>>, B) -> W,
) -> Result<Done, CallError>
where
    B: Serialize + DeserializeOwned,
    W: Future<Output = Result<Vec<RowOutcome>, CallError>> + Send + 'static,
{
    let grant = Arc::new(grant);
    let mut registered = 0;
    while let Some(batch) = call.next::<B>().await? {
        if !fits(&batch) {
            return Err(CallError::Refused(ResultName::BadFormat));
        }
        node.room(grant.body().code())?;
        let rows = node.admit_batch(call, work(node.clone(), grant.clone(), batch)).await?;
        let [of_batch, ..] = counts(&rows);
        registered += of_batch;
        call.reply(&BatchReply { rows }).await?;
    }
    Ok(Done { result: ResultName::Done, count: registered })
}

/// Registered, unchanged and rejected rows.
pub(super) fn counts(outcomes: &[RowOutcome]) -> [u64; 3] {
    let count = |wanted: fn(&RowOutcome) -> bool| outcomes.iter().filter(|row| wanted(row)).count() as u64;
    [
        count(|row| *row == RowOutcome::Registered),
        count(|row| *row == RowOutcome::Unchanged),
        count(|row| matches!(row, RowOutcome::Rejected(_))),
    ]
}
