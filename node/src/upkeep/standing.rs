//! `upkeep-status`: how the node and its bodies' ciphertext stand, in numbers.

use std::sync::Arc;

use chukei_wire::body_code::BodyCode;
use serde_json::{Value, json};

use crate::app::Node;
use crate::backup::outcome::Report;
use crate::bodies::call::{Call, CallError, Done};
use crate::hosted::sealed_body::SealedBody;
use crate::upkeep::{UpkeepGrant, answer};

/// Bodies of one answer, at most: a message has room for them.
const BODIES_MAX: usize = 2_000;
/// Backups that are named, the newest.
const BACKUPS_MAX: usize = 64;

/// Tells how the node stands, and the body that the scope is for, or all of them.
pub(super) async fn status(
    node: &Arc<Node>,
    grant: &UpkeepGrant,
    call: &mut Call,
) -> Result<Done, CallError> {
    let scope = grant.scope();
    let mut codes: Vec<BodyCode> = match scope.code() {
        Some(code) => vec![code],
        None => node.bodies.codes().take(BODIES_MAX).collect(),
    };
    codes.sort_unstable();
    let faults = node.bodies.faults();
    let mut bodies = Vec::with_capacity(codes.len());
    for code in codes {
        let fault = faults.get(&code).map(|fault| fault.cause.as_str());
        bodies.push(body(code, fault, scope.sealed_of(&node.bodies, code)).await);
    }
    let mut backups = node.desk().and_then(|desk| desk.backups()?.list(scope.code())).unwrap_or_default();
    backups.drain(..backups.len().saturating_sub(BACKUPS_MAX));
    let served = bodies.iter().filter(|body| body["fault"].is_null()).count();
    let text = format!(
        "node {}: {} requests in work, {served} of {} bodies served, {} backups in its folder",
        node.name,
        node.metrics.in_flight.get(),
        bodies.len(),
        backups.len(),
    );
    let json = json!({
        "node": node.name,
        "version": env!("CARGO_PKG_VERSION"),
        "in_flight": node.metrics.in_flight.get(),
        "bodies": bodies,
        "backups": backups,
    });
    answer::end(call, Ok(Report { json, text })).await
}

async fn body(code: BodyCode, fault: Option<&'static str>, sealed: Option<SealedBody>) -> Value {
    let Some(sealed) = sealed else { return json!({ "body": code.as_str(), "fault": fault }) };
    let usage = sealed.usage().await.ok();
    json!({
        "body": code.as_str(),
        "fault": fault,
        "engine": sealed.engine().as_str(),
        "epoch": sealed.epoch(),
        "last_number": sealed.last_number(),
        "bytes": usage.map(|usage| usage.bytes),
        "reclaimable": usage.map(|usage| usage.reclaimable),
    })
}
