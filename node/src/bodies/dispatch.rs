//! From a call to its handler: scope, decision, the event before, the work, the event after.

use std::sync::Arc;

use chukei_domain::event::Why;
use chukei_wire::header::Header;
use chukei_wire::result::ResultName;

use crate::access::asked::Asked;
use crate::access::decision::{self, Decided, Decision};
use crate::access::entered::Scope;
use crate::app::Node;
use crate::bodies::call::{Call, CallError, Done};
use crate::bodies::handlers;
use crate::bodies::logs::Logs;
use crate::bodies::standing::Standing;

/// Serves one call from an authenticated caller.
pub async fn dispatch(standing: Standing, mut call: Call) {
    let (node, standing) = (standing.node.clone(), Arc::new(standing));
    let started = std::time::Instant::now();
    let _in_work = node.begin();
    let kind = call.header.kind;
    let result = match enter(&node, standing, &call.header).await {
        Ok(entered) => run(&node, entered, &mut call).await,
        Err(error) => Err(error),
    };
    let name = match &result {
        Ok(done) => done.result,
        Err(error) => error.result(),
    };
    if let Err(error) = &result {
        match error {
            // The body's own log line tells how many there were.
            CallError::Shed(shed) => node.metrics.count_shed(shed.reason),
            error => {
                tracing::info!(request_id = %call.header.request_id, kind = ?kind, %error, "call not answered");
            }
        }
        call.refuse(error.outcome()).await;
    }
    node.ended(call.header.request_id, kind, name, started.elapsed());
}

/// Scope, decision, and its event before anything is done.
async fn enter(node: &Node, standing: Arc<Standing>, header: &Header) -> Result<Entered, CallError> {
    if node.is_draining() {
        return Err(CallError::NotNow(ResultName::NotReady));
    }
    // Before anything is known of it and without an event: there is little space for one (R41).
    node.log_disk.admits(header.kind)?;
    let caller = &standing.caller();
    let (scope, decided) = match Scope::of(&node.bodies, caller, header) {
        Ok(scope) => {
            let mut decided = node.decide(caller, scope.clone(), header, Some(standing));
            tell_unknown_affair(node, &scope, header, &mut decided);
            (Some(scope), decided)
        }
        Err(why) => (None, Decided::outside(node.judge(), caller, header, why)),
    };
    let entered = scope.filter(|_| decided.asked.is_some());
    let logs = Logs::of(node, entered.as_ref(), caller, header, &decided);
    let told = logs.decided(header, &decided).await;
    let Decided { outcome, why, observed, asked } = decided;
    node.observe(observed);
    told?;
    match outcome {
        Ok(decision) => Ok(Entered { logs, why, asked, decision }),
        Err(refusal) => Err(refusal.into()),
    }
}

/// An affair that there is not at all is told apart from one that is another's: the catalogue is no secret.
fn tell_unknown_affair(node: &Node, scope: &Scope, header: &Header, decided: &mut Decided) {
    let (Scope::Body(scope), Some(affair)) = (scope, &header.affair) else { return };
    let refused = decided.observed.refused == Some(ResultName::AffairNotAllowed);
    if refused && node.catalogue(scope.body()).affair(affair).is_none() {
        decided.outcome = Err(ResultName::UnknownAffair);
        decided.observed.refused = Some(ResultName::UnknownAffair);
    }
}

struct Entered {
    logs: Logs,
    why: Why,
    asked: Option<Arc<Asked>>,
    decision: Decision,
}

async fn run(node: &Arc<Node>, entered: Entered, call: &mut Call) -> Result<Done, CallError> {
    let Entered { logs, why, asked, decision } = entered;
    call.decided(asked.clone());
    let done = handlers::serve(node, decision, call).await;
    // Refused once it was known what the operation was about, or what has changed meanwhile.
    if let Some(late) = asked.as_ref().and_then(|asked| asked.late()) {
        logs.refused(&call.header, &late).await?;
        node.observe(late.observed);
    }
    if let (Some(asked), Err(CallError::Refused(refusal @ ResultName::TwoPersonRequired))) = (&asked, &done) {
        // Policies let it through, and the act itself does not have it (R7, R23).
        node.observe(decision::observed(&asked.inquiry(), Some(*refusal), &[]));
    }
    let (result, count) = match &done {
        Ok(done) => (done.result, done.count),
        Err(error) => (error.result(), 0),
    };
    logs.ended(node, &call.header, &why, result, count);
    let done = done?;
    call.finish().await?;
    Ok(done)
}
