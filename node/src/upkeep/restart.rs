//! `node-restart`: the node takes nothing new on, finishes what is in work and ends; its supervisor starts it again.

use std::sync::Arc;

use chukei_wire::header::Header;
use chukei_wire::result::ResultName;
use serde_json::json;

use crate::access::decision::circumstances;
use crate::app::Node;
use crate::audit::CallTold;
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
    tell_everybody(node, grant, &call.header);
    node.ask_to_stop();
    Ok(done)
}

/// It concerns every body of the node: each log tells of it. The log of the body that it was asked for has it already.
fn tell_everybody(node: &Node, grant: &UpkeepGrant, header: &Header) {
    let (scope, now_ms) = (grant.scope(), node.clock.now_ms());
    let why = grant.inquiry().map(circumstances).unwrap_or_default();
    let told = CallTold { actor: scope.actor(), header, why: &why };
    for (_, log) in node.bodies.logs().filter(|(code, _)| scope.code() != Some(*code)) {
        log.call_ended(told, ResultName::Done, 1, now_ms);
    }
}
