//! Which handler serves a permitted operation, by its effect and kind.

use std::sync::Arc;

use chukei_wire::header::Kind;
use chukei_wire::result::ResultName;

use crate::access::decision::Decision;
use crate::access::grant::{Export, Grant, Operate, Read, Write};
use crate::app::Node;
use crate::bodies::call::{Call, CallError, Done};
use crate::bodies::{
    access, acts, audit, catalogue, copies, enroll, exchanges, follow, import, keys, notices, persons,
    provision, register, reviews, search, stamps, undisclose,
};
use crate::{backup, upkeep};

/// Serves what was decided.
pub async fn serve(node: &Arc<Node>, decision: Decision, call: &mut Call) -> Result<Done, CallError> {
    match decision {
        Decision::Read(grant) => read(node, grant, call).await,
        Decision::Write(grant) => write(node, grant, call).await,
        Decision::Upkeep(grant) => upkeep::serve(node, &grant, call).await,
        Decision::Export(grant) => export(node, grant, call).await,
        Decision::Operate(grant) => operate(node, grant, call).await,
        Decision::Deliver(_) => no_handler(),
    }
}

async fn read(node: &Arc<Node>, grant: Grant<Read>, call: &mut Call) -> Result<Done, CallError> {
    match call.header.kind {
        Kind::PersonList => persons::list(node, &grant, call).await,
        Kind::CopyShow => copies::show(node, &grant, call).await,
        Kind::NoticeShow => notices::show(node, &grant, call).await,
        Kind::NoticeList => notices::list(node, &grant, call).await,
        Kind::ProvisionStatus => provision::status(node, &grant, call).await,
        Kind::ExchangeList => exchanges::list(node, &grant, call).await,
        Kind::AuditVerify => audit::verify(node, &grant, call).await,
        Kind::AuditSearch => search::search(node, &grant, call).await,
        Kind::AuditFollow => follow::follow(node, &grant, call).await,
        Kind::AuditStamps => stamps::page(node, &grant, call).await,
        Kind::CatalogueList => catalogue::list(node, &grant, call).await,
        Kind::KeysStatus => keys::status(node, &grant, call).await,
        Kind::BackupCreate => backup::create(node, &grant, call).await,
        Kind::RegisterShow => register::show(node, &grant, call).await,
        Kind::ReviewList => reviews::list(node, &grant, call).await,
        Kind::ActList => acts::list(node, &grant, call).await,
        _ => no_handler(),
    }
}

async fn write(node: &Arc<Node>, grant: Grant<Write>, call: &mut Call) -> Result<Done, CallError> {
    match call.header.kind {
        Kind::PersonEnroll => enroll::enroll(node, grant, call).await,
        Kind::PersonBlock => persons::block(node, &grant, call).await,
        Kind::PersonUndisclose => undisclose::undisclose(node, &grant, call).await,
        Kind::CopyImport => import::import(node, grant, call).await,
        Kind::NoticeSend => notices::send(node, grant, call).await,
        Kind::KeysRotate => keys::rotate(node, grant, call).await,
        Kind::RegisterChange => register::change(node, grant, call).await,
        Kind::ReviewSign => reviews::sign(node, &grant, call).await,
        Kind::ActRequest => acts::request(node, &grant, call).await,
        Kind::ActApprove => acts::approve(node, &grant, call).await,
        Kind::ActCancel => acts::cancel(node, &grant, call).await,
        Kind::Signal => access::signal(node, &grant, call).await,
        _ => no_handler(),
    }
}

async fn export(node: &Arc<Node>, grant: Grant<Export>, call: &mut Call) -> Result<Done, CallError> {
    match call.header.kind {
        Kind::ActResult => acts::result(node, &grant, call).await,
        _ => no_handler(),
    }
}

async fn operate(node: &Arc<Node>, grant: Grant<Operate>, call: &mut Call) -> Result<Done, CallError> {
    match call.header.kind {
        Kind::AccessExplain => access::explain(node, &grant, call).await,
        _ => no_handler(),
    }
}

/// The table has a line that nobody serves: a test finds it before a caller does.
fn no_handler() -> Result<Done, CallError> {
    Err(CallError::Refused(ResultName::NotPermitted))
}
