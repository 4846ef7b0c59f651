//! The body's own log, re-read and checked.

use std::sync::Arc;

use chukei_wire::message::staff::AuditVerifyReply;
use chukei_wire::result::ResultName;

use crate::access::grant::{Grant, Read};
use crate::app::Node;
use crate::bodies::call::{Call, CallError, Done};

/// Re-reads every event of the body.
pub async fn verify(_node: &Arc<Node>, grant: &Grant<Read>, call: &mut Call) -> Result<Done, CallError> {
    let log = grant.body().audit().clone();
    let verified = tokio::task::spawn_blocking(move || log.verify());
    let verified = verified.await.map_err(|_| CallError::NotNow(ResultName::NotReady))?;
    let first_bad = verified.first_bad;
    let reply = AuditVerifyReply { verified: first_bad.is_none(), events: verified.events, first_bad };
    call.reply(&reply).await?;
    Ok(Done { result: ResultName::Done, count: verified.events })
}
