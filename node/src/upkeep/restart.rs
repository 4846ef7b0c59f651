//! `node-restart`: the node takes nothing new on, finishes what is in work and ends; its supervisor starts it again.

use std::sync::Arc;

use serde_json::json;

use crate::app::Node;
use crate::backup::outcome::Report;
use crate::bodies::call::{Call, CallError, Done};
use crate::upkeep::{UpkeepGrant, answer};

/// Answers, and lets the node stop as it does on SIGTERM: this call is in work until its answer is out.
pub(super) async fn restart(
    node: &Arc<Node>,
    grant: &UpkeepGrant,
    call: &mut Call,
) -> Result<Done, CallError> {
    tracing::warn!(by = grant.scope().actor(), "restart asked for");
    let json = json!({ "restarting": true, "node": node.name });
    let text = format!("node {} drains and ends; its supervisor starts it again", node.name);
    let done = answer::end(call, Ok(Report { json, text })).await?;
    node.ask_to_stop();
    Ok(done)
}
