//! From a call to its handler: scope, decision, the event before, the work, the event after.

use std::sync::Arc;

use chukei_domain::event::Why;
use chukei_wire::header::Header;
use chukei_wire::result::ResultName;

use crate::access::asked::Asked;
use crate::access::decision::{self, Decided, Decision};
use crate::access::entered::Scope;
use crate::app::Node;
use crate::audit::{AuditError, AuditLog, CallTold};
use crate::bodies::call::{Call, CallError, Done};
use crate::bodies::caller::{Caller, tell_refusal};
use crate::bodies::handlers;

/// Serves one call from an authenticated caller.
pub async fn dispatch(node: Arc<Node>, caller: &Caller, mut call: Call) {
    let started = std::time::Instant::now();
    let _in_work = node.begin();
    let kind = call.header.kind;
    let result = match enter(&node, caller, &call.header).await {
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
async fn enter(node: &Node, caller: &Caller, header: &Header) -> Result<Entered, CallError> {
    if node.is_draining() {
        return Err(CallError::NotNow(ResultName::NotReady));
    }
    let (scope, decided) = match Scope::of(&node.bodies, caller, header) {
        Ok(scope) => {
            let mut decided = node.decide(caller, scope.clone(), header);
            tell_unknown_affair(node, &scope, header, &mut decided);
            (Some(scope), decided)
        }
        Err(why) => (None, Decided::outside(node.judge(), caller, header, why)),
    };
    let entered = scope.filter(|_| decided.asked.is_some());
    let logs = entered.map(|scope| Logs::of(node, &scope, caller));
    let told = match (&logs, decided.observed.refused) {
        (Some(logs), None) => logs.called(header, &decided).await,
        (Some(logs), Some(refusal)) => {
            logs.refused(header, &decided.why, refusal, decided.observed.at_ms).await
        }
        (None, _) => tell_refusal(node, caller, header, &decided).await,
    };
    let Decided { outcome, why, observed, asked } = decided;
    node.observe(observed);
    told?;
    match (logs, outcome) {
        (Some(logs), Ok(decision)) => Ok(Entered { logs, why, asked, decision }),
        (_, Err(ResultName::NotReady)) => Err(CallError::NotNow(ResultName::NotReady)),
        (_, Err(refusal)) => Err(CallError::Refused(refusal)),
        (None, Ok(_)) => Err(CallError::Refused(ResultName::NotFound)),
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

/// The logs that tell of an operation: of the body it is about and, where they differ, of the body of whoever does it
/// (R42), as far as this node hosts them.
struct Logs {
    actor: String,
    logs: Vec<AuditLog>,
}

impl Logs {
    fn of(node: &Node, scope: &Scope, caller: &Caller) -> Self {
        let about = scope.told_to();
        let own = caller.identity.body().filter(|own| Some(*own) != scope.code());
        let own = own.and_then(|own| node.bodies.opened(own));
        let logs = about.into_iter().chain(own.as_ref()).map(|body| body.audit().clone()).collect();
        Self { actor: scope.actor().to_owned(), logs }
    }

    async fn called(&self, header: &Header, decided: &Decided) -> Result<(), AuditError> {
        let told = CallTold { actor: &self.actor, header, why: &decided.why };
        for log in &self.logs {
            log.called(told, decided.observed.at_ms).await?;
        }
        Ok(())
    }

    async fn refused(
        &self,
        header: &Header,
        why: &Why,
        refusal: ResultName,
        at_ms: u64,
    ) -> Result<(), AuditError> {
        let told = CallTold { actor: &self.actor, header, why };
        for log in &self.logs {
            log.call_refused(told, refusal, at_ms).await?;
        }
        Ok(())
    }

    fn ended(&self, node: &Node, header: &Header, why: &Why, result: ResultName, count: u64) {
        let told = CallTold { actor: &self.actor, header, why };
        self.logs.iter().for_each(|log| log.call_ended(told, result, count, node.clock.now_ms()));
    }
}

async fn run(node: &Arc<Node>, entered: Entered, call: &mut Call) -> Result<Done, CallError> {
    let Entered { logs, why, asked, decision } = entered;
    let done = handlers::serve(node, decision, call).await;
    // Refused once it was known what the operation was about.
    if let Some((inquiry, verdict)) = asked.as_ref().and_then(|asked| asked.late())
        && let Some(refusal) = verdict.outcome.result()
    {
        logs.refused(&call.header, &decision::why(&inquiry, &verdict), refusal, inquiry.now_ms).await?;
        node.observe(decision::observed(&inquiry, Some(refusal), &verdict.reasons));
    }
    if let (Some(asked), Err(CallError::Refused(refusal @ ResultName::TwoPersonRequired))) = (&asked, &done) {
        // Policies let it through, and the act itself does not have it (R7, R23).
        node.observe(decision::observed(asked.inquiry(), Some(*refusal), &[]));
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
