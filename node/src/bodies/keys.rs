//! The body's own keys: rotated on request, and shown by their numbers.

use std::sync::Arc;

use chukei_wire::message::keys::KeysRotateRequest;
use chukei_wire::result::ResultName;

use crate::access::grant::{Grant, Read, Write};
use crate::app::Node;
use crate::bodies::call::{Call, CallError, Done};
use crate::rotation;

/// Rotates what is asked for, and tells how the keys stand then.
pub async fn rotate(node: &Arc<Node>, grant: Grant<Write>, call: &mut Call) -> Result<Done, CallError> {
    let asked: KeysRotateRequest = call.request().await?;
    if asked == KeysRotateRequest::default() {
        return Err(CallError::Refused(ResultName::BadFormat));
    }
    let (of, grant) = (node.clone(), Arc::new(grant));
    let held = grant.clone();
    // Begun, it is done to its end, whether or not the caller waits.
    let work = async move {
        let now_ms = of.clock.now_ms();
        // Before anybody has vouched for the time, the day is that of the epoch in use.
        let today = of.witness.day(now_ms).unwrap_or_else(|| held.body().keyring().ids().epoch);
        rotation::rotate(&held, asked, of.epochs_kept, today, now_ms).await
    };
    node.admit_batch(call, work).await?;
    call.reply(&rotation::status(grant.scope().body(), false).await?).await?;
    Ok(Done::of(1))
}

/// How the body's keys stand, with the rows under old numbers counted.
pub async fn status(_node: &Arc<Node>, grant: &Grant<Read>, call: &mut Call) -> Result<Done, CallError> {
    call.reply(&rotation::status(grant.scope().body(), true).await?).await?;
    Ok(Done::of(1))
}
