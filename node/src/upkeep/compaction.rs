//! `upkeep-compact`: the space of removed rows goes back to the disk, step by step, while the body is served.

use std::sync::Arc;

use serde_json::json;

use crate::app::Node;
use crate::backup::outcome::{Failure, Report};
use crate::bodies::call::{Call, CallError, Done};
use crate::hosted::sealed_body::SealedBody;
use crate::upkeep::answer::{self, Progress};
use crate::upkeep::{UpkeepGrant, desk};

/// Steps of one call: far more than a file of any size that is meant has.
const STEPS_MAX: u64 = 1_000_000;

/// Compacts the store of the scope's body.
pub(super) async fn compact(
    node: &Arc<Node>,
    grant: &UpkeepGrant,
    call: &mut Call,
) -> Result<Done, CallError> {
    let begun = grant.scope().sealed().and_then(|sealed| Ok((node.desk()?.turn(sealed.code())?, sealed)));
    match begun {
        Ok((turn, sealed)) => answer::carry_out(node, call, |progress| work(turn, sealed, progress)).await,
        Err(failure) => answer::end(call, Err(failure)).await,
    }
}

async fn work(_turn: desk::Turn, sealed: SealedBody, progress: Progress) -> Result<Report, Failure> {
    let before = sealed.usage().await?;
    let mut bytes = 0_u64;
    for step in 1..=STEPS_MAX {
        let compacted = sealed.compact().await?;
        bytes = bytes.saturating_add(compacted.bytes);
        progress.at(step);
        if !compacted.more {
            break;
        }
    }
    let after = sealed.usage().await?;
    let json = json!({
        "compacted": true, "body": sealed.code().as_str(), "given_back": bytes,
        "bytes_before": before.bytes, "bytes": after.bytes,
    });
    let text = format!("body {}: {bytes} bytes given back, {} are in use", sealed.code(), after.bytes);
    Ok(Report { json, text })
}
