//! Work that may take long, and what its caller hears meanwhile.
//!
//! What must hold: the work goes on when its caller is gone, and counts as in work until it ends; what is told is its
//! report or a stable code, and nothing of what a body holds.

use std::sync::Arc;
use std::time::Duration;

use chukei_wire::message::upkeep::{UpkeepAnswer, UpkeepFailure, UpkeepReport};
use chukei_wire::result::ResultName;
use tokio::sync::watch;

use crate::app::Node;
use crate::backup::outcome::{Exit, Failure, Report};
use crate::bodies::call::{Call, CallError, Done};

/// How often a caller who waits hears that the work goes on.
const TELL_EVERY: Duration = Duration::from_secs(2);

/// How far work is, as it says itself.
pub(super) struct Progress(watch::Sender<u64>);

impl Progress {
    /// So many records are done.
    pub(super) fn at(&self, records: u64) {
        self.0.send_replace(records);
    }
}

/// Carries `work` out and answers with its progress and its end.
pub(super) async fn carry_out<F, W>(node: &Arc<Node>, call: &mut Call, work: W) -> Result<Done, CallError>
where
    W: FnOnce(Progress) -> F,
    F: Future<Output = Result<Report, Failure>> + Send + 'static,
{
    let (told, at) = watch::channel(0);
    let (in_work, work) = (node.begin(), work(Progress(told)));
    let mut working = tokio::spawn(async move {
        let _in_work = in_work;
        work.await
    });
    let outcome = loop {
        match tokio::time::timeout(TELL_EVERY, &mut working).await {
            Ok(Ok(outcome)) => break outcome,
            Ok(Err(_)) => return Err(CallError::NotNow(ResultName::NotReady)),
            Err(_) => {
                let records = *at.borrow();
                call.reply(&UpkeepAnswer::Working(records)).await?;
            }
        }
    };
    end(call, outcome).await
}

/// Answers with the end of work.
pub(super) async fn end(call: &mut Call, outcome: Result<Report, Failure>) -> Result<Done, CallError> {
    let (answer, result) = match outcome {
        Ok(Report { json, text }) => {
            let report = UpkeepReport { json: json.to_string(), text };
            (UpkeepAnswer::Done(report), ResultName::Done)
        }
        Err(failure) => {
            tracing::warn!(kind = call.header.kind.as_str(), code = failure.code, "upkeep not done");
            let result = result_of(&failure);
            let Failure { exit, code, message } = without_path(failure);
            (UpkeepAnswer::Failed(UpkeepFailure { exit: exit as u8, code, message }), result)
        }
    };
    call.reply(&answer).await?;
    Ok(Done { result, count: u64::from(result == ResultName::Done) })
}

/// Callers know names, and no path of the host: the node's log has it.
fn without_path(failure: Failure) -> Failure {
    if failure.code != "IO" {
        return failure;
    }
    tracing::warn!(message = failure.message, "a file of a backup");
    let text =
        "a file of the backup, or the folder, cannot be read or written: have it looked at on the host";
    Failure::new(failure.exit, "IO", text)
}

/// The name under which events and metrics know a failure.
fn result_of(failure: &Failure) -> ResultName {
    let named = ResultName::ALL.iter().copied().find(|name| name.as_str() == failure.code);
    named.unwrap_or(match failure.exit {
        Exit::Refused => ResultName::NotPermitted,
        Exit::Usage => ResultName::BadFormat,
        Exit::Unavailable | Exit::Other => ResultName::NotReady,
    })
}
