//! From a call to its handler: scope, decision, the event before, the work, the event after.

use std::sync::Arc;

use chukei_wire::header::Kind;
use chukei_wire::result::ResultName;

use crate::access::decision::{Decision, Grant, Read, Write, decide};
use crate::access::scope::BodyScope;
use crate::app::Node;
use crate::backup;
use crate::bodies::call::{Call, CallError, Done};
use crate::bodies::caller::Caller;
use crate::bodies::{audit, catalogue, copies, enroll, import, keys, notices, persons, provision};

/// Serves one call from an authenticated caller.
pub async fn dispatch(node: Arc<Node>, caller: &Caller, mut call: Call) {
    let started = std::time::Instant::now();
    let _in_work = node.begin();
    let kind = call.header.kind;
    let result = match enter(&node, caller, &call).await {
        Ok(entered) => run(&node, entered, &mut call).await,
        Err(error) => Err(error),
    };
    let name = match &result {
        Ok(done) => done.result,
        Err(error) => error.result(),
    };
    if let Err(error) = &result {
        tracing::info!(request_id = %call.header.request_id, kind = ?kind, %error, "call not answered");
        call.refuse(error.outcome()).await;
    }
    node.ended(call.header.request_id, kind, name, started.elapsed());
}

/// Scope and decision; a refusal leaves its event with the caller's own body, where this node hosts it.
async fn enter(node: &Node, caller: &Caller, call: &Call) -> Result<Entered, CallError> {
    let (header, caller) = (&call.header, &caller.identity);
    if node.is_draining() {
        return Err(CallError::NotNow(ResultName::NotReady));
    }
    let decided = match BodyScope::of_staff(&node.bodies, caller, header) {
        Ok(scope) => decide(&scope, header.kind).map(|decision| (scope, decision)),
        Err(why) => Err(why.into()),
    };
    match decided {
        Ok((scope, decision)) => {
            let log = scope.body().audit();
            log.called(scope.actor(), header.kind.as_str(), header.request_id, node.clock.now_ms()).await?;
            Ok(Entered { scope, decision })
        }
        Err(refusal) => {
            // A body that could not be opened has no keys to seal an event under.
            if let Some(body) = caller.body().and_then(|code| node.bodies.opened(code)) {
                let (actor, kind, id) = (caller.to_string(), header.kind.as_str(), header.request_id);
                body.audit().call_refused(&actor, kind, id, refusal, node.clock.now_ms()).await?;
            }
            Err(match refusal {
                ResultName::NotReady => CallError::NotNow(refusal),
                _ => CallError::Refused(refusal),
            })
        }
    }
}

struct Entered {
    scope: BodyScope,
    decision: Decision,
}

async fn run(node: &Arc<Node>, entered: Entered, call: &mut Call) -> Result<Done, CallError> {
    let Entered { scope, decision } = entered;
    let done = match decision {
        Decision::Read(grant) => read(node, grant, call).await,
        Decision::Write(grant) => write(node, grant, call).await,
        Decision::Deliver(_) => Err(CallError::Refused(ResultName::NotPermitted)),
    };
    let (result, count) = match &done {
        Ok(done) => (done.result, done.count),
        Err(error) => (error.result(), 0),
    };
    let (kind, id) = (call.header.kind.as_str(), call.header.request_id);
    let log = scope.body().audit();
    log.call_ended(scope.actor(), kind, id, result, count, node.clock.now_ms());
    let done = done?;
    call.finish().await?;
    Ok(done)
}

async fn read(node: &Arc<Node>, grant: Grant<Read>, call: &mut Call) -> Result<Done, CallError> {
    match call.header.kind {
        Kind::PersonList => persons::list(node, &grant, call).await,
        Kind::CopyShow => copies::show(node, &grant, call).await,
        Kind::NoticeShow => notices::show(node, &grant, call).await,
        Kind::NoticeList => notices::list(node, &grant, call).await,
        Kind::ProvisionStatus => provision::status(node, &grant, call).await,
        Kind::AuditVerify => audit::verify(node, &grant, call).await,
        Kind::CatalogueList => catalogue::list(node, &grant, call).await,
        Kind::KeysStatus => keys::status(node, &grant, call).await,
        Kind::BackupCreate => backup::create(node, &grant, call).await,
        _ => Err(CallError::Refused(ResultName::NotPermitted)),
    }
}

async fn write(node: &Arc<Node>, grant: Grant<Write>, call: &mut Call) -> Result<Done, CallError> {
    match call.header.kind {
        Kind::PersonEnroll => enroll::enroll(node, grant, call).await,
        Kind::PersonBlock => persons::block(node, &grant, call).await,
        Kind::CopyImport => import::import(node, grant, call).await,
        Kind::NoticeSend => notices::send(node, grant, call).await,
        Kind::KeysRotate => keys::rotate(node, grant, call).await,
        _ => Err(CallError::Refused(ResultName::NotPermitted)),
    }
}
