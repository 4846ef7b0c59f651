//! Acts as the body's staff and auditors see them. Whom an act is about, only those see who decide: that somebody is to
//! be given out again tells that they were withheld (R50).

use chukei_crypto::seal::SealError;
use chukei_domain::act::{Step, Subject};
use chukei_wire::id::ActId;
use chukei_wire::limits::ACTS_PAGE;
use chukei_wire::message::act::{ActErasure, ActListPage, ActListRequest, ActShown, ActStep};
use chukei_wire::result::ResultName;
use data_encoding::HEXLOWER;

use super::ActError;
use super::persons::Deciding;
use super::rows::{self, Row};
use crate::access::grant::{Grant, MayRead};
use crate::app::Node;
use crate::erasure;
use crate::hosted::persons::PersonId;
use crate::hosted::rows::RowError;

/// A page of acts.
pub(crate) async fn list<E: MayRead>(
    node: &Node,
    grant: &Grant<E>,
    asked: &ActListRequest,
) -> Result<ActListPage, ActError> {
    let body = grant.body();
    let (rows, next) = match asked.act {
        Some(act) => {
            let known = rows::load(body, act.0).await?.ok_or(ResultName::NotFound)?;
            (vec![known], None)
        }
        None => {
            let after = asked.after.as_ref().map(|after| after.as_slice());
            if after.is_some_and(|after| after.len() != 16) {
                return Err(ResultName::BadFormat.into());
            }
            let (rows, more) = rows::page(body, after, ACTS_PAGE).await?;
            let next = rows.last().filter(|_| more).map(|last| last.row.act.id.to_vec().into());
            (rows, next)
        }
    };
    let mut acts = Vec::with_capacity(rows.len());
    for known in rows {
        if !asked.open || known.row.act.state.is_open() {
            acts.push(shown(node, grant, known.row).await?);
        }
    }
    Ok(ActListPage { acts, next })
}

/// One act.
pub(crate) async fn shown<E: MayRead>(node: &Node, grant: &Grant<E>, row: Row) -> Result<ActShown, ActError> {
    let body = grant.body();
    let decides = Deciding::of(body, grant.scope().actor())
        .is_ok_and(|caller| caller.decides(body, node.clock.now_ms()));
    let integrated_addressee_number = match row.act.subject.person().filter(|_| decides) {
        Some(person) => number(grant, &person).await?,
        None => None,
    };
    let erasure = match row.erasure {
        Some(erasure) => erasure::certificate(body, erasure).await?,
        None => None,
    };
    let erasure = erasure.and_then(|certificate| {
        let record = certificate.record.to_bytes().ok()?;
        Some(ActErasure { record, signature: certificate.signature })
    });
    let Row { act, .. } = row;
    let (name, period_ms) = match &act.subject {
        Subject::PolicyLoad { name, .. } => (Some(name.clone()), None),
        Subject::PolicyRemove(name) => (Some(name.clone()), None),
        Subject::CatalogueLoad { version, .. } => (Some(version.clone()), None),
        Subject::LogGap { first, .. } => (Some(first.to_string()), None),
        Subject::AuditExport { from_ms, until_ms } => (None, Some([*from_ms, *until_ms])),
        _ => (None, None),
    };
    Ok(ActShown {
        act: ActId(act.id),
        kind: act.subject.kind().as_str().to_owned(),
        state: act.state.as_str().to_owned(),
        reference: act.reference,
        integrated_addressee_number,
        datasets: datasets(&act.subject),
        name,
        digest: act.subject.digest().map(|digest| HEXLOWER.encode(&digest)),
        period_ms,
        requested: step(act.requested),
        approved: act.approved.map(step),
        not_before_ms: act.not_before_ms,
        until_ms: act.until_ms,
        ended: act.ended.map(step),
        failure: act.failure,
        fetched: act.fetched,
        erasure,
    })
}

fn step(step: Step) -> ActStep {
    ActStep { by: step.by, at_ms: step.at_ms }
}

fn datasets(subject: &Subject) -> Vec<String> {
    match subject {
        Subject::EraseDataset(dataset) => vec![dataset.to_string()],
        Subject::Unblock { datasets, .. } | Subject::DiscloseRecords { datasets, .. } => {
            datasets.iter().map(ToString::to_string).collect()
        }
        _ => Vec::new(),
    }
}

/// The person's number; none of one who is erased.
async fn number<E: MayRead>(grant: &Grant<E>, person: &PersonId) -> Result<Option<String>, ActError> {
    match grant.body().person(grant, person).await {
        Err(RowError::Seal(SealError::KeyDestroyed)) => Ok(None),
        person => Ok(person?.map(|person| person.addressee)),
    }
}
