//! What acts do. Each may be done again: a stop behind it leads to it once more.

use chukei_crypto::hash::sha256;
use chukei_domain::act::{Act, Subject};
use chukei_domain::codes::InfoNameCode;
use chukei_domain::register::{Class, Entry, Policy};
use chukei_store::Batch;
use chukei_wire::result::ResultName;

use super::{ActError, log_gap, rows};
use crate::access::grant::{Grant, Write};
use crate::app::Node;
use crate::erasure::{self, ErasureError, Wanted};
use crate::hosted::HostedBody;
use crate::hosted::catalogues::LoadError;
use crate::hosted::persons::PersonId;
use crate::hosted::rows::RowError;
use crate::register::{Change, ChangeError};
use crate::undisclosed;

/// Does what was decided; of an erasure, which begins here, the id.
pub(super) async fn carry_out(
    node: &Node,
    grant: &Grant<Write>,
    act: &Act,
) -> Result<Option<[u8; 16]>, ActError> {
    let done = match &act.subject {
        Subject::ErasePerson(person) => return erase(node, grant, act, Wanted::Person(*person)).await,
        Subject::EraseDataset(dataset) => return erase(node, grant, act, Wanted::Dataset(*dataset)).await,
        Subject::EraseBody => return erase(node, grant, act, Wanted::Body).await,
        Subject::Unblock { person, datasets } => unblock(node, grant, *person, datasets).await,
        Subject::DiscloseRecords { person, datasets } => disclose(node, grant, *person, datasets).await,
        Subject::PolicyLoad { name, digest } => {
            let text = text(grant.body(), act, digest).await?;
            load_policy(node, grant, Policy { name: name.clone(), text }).await
        }
        Subject::PolicyRemove(name) => remove_policy(node, grant, name).await,
        Subject::CatalogueLoad { digest, .. } => {
            let text = text(grant.body(), act, digest).await?;
            grant.body().load_catalogue(grant, &text).await.map_err(not_loaded)
        }
        Subject::LogGap { epoch_ms, first } => log_gap::state(node, grant, act, *epoch_ms, *first).await,
        // What they bring out is fetched.
        Subject::AuditExport { .. } | Subject::KeyringCopy => Ok(()),
    };
    done.map(|()| None)
}

async fn erase(
    node: &Node,
    grant: &Grant<Write>,
    act: &Act,
    wanted: Wanted,
) -> Result<Option<[u8; 16]>, ActError> {
    let begun = erasure::begin(grant, act.id, wanted, &act.reference, node.clock.now_ms()).await;
    begun.map(Some).map_err(not_begun)
}

fn not_begun(error: ErasureError) -> ActError {
    match error {
        ErasureError::Row(error) => error.into(),
        ErasureError::Audit(error) => error.into(),
        error => error.result().into(),
    }
}

fn not_loaded(error: LoadError) -> ActError {
    match error {
        LoadError::Row(error) => error.into(),
        LoadError::Malformed(_) => ResultName::BadFormat.into(),
        LoadError::Older => ResultName::BadPeriod.into(),
    }
}

/// The text that was decided on, and no other.
async fn text(body: &HostedBody, act: &Act, digest: &[u8; 32]) -> Result<String, ActError> {
    let text = rows::text(body, act.id).await?.ok_or(RowError::Malformed)?;
    if sha256(text.as_bytes()) == *digest { Ok(text) } else { Err(RowError::Malformed.into()) }
}

/// A person's own information is given out again (R50).
async fn unblock(
    node: &Node,
    grant: &Grant<Write>,
    person: PersonId,
    datasets: &[InfoNameCode],
) -> Result<(), ActError> {
    let body = grant.body();
    let _writing = body.writing().await;
    let known = body.person(grant, &person).await?.ok_or(ResultName::NotFound)?;
    let mut changed = body.load_person(grant, &known.person).await?.ok_or(ResultName::NotFound)?;
    changed.record.flags.unblock(datasets);
    let actor = grant.scope().actor();
    body.audit().unblocked(actor, person, datasets, node.clock.now_ms()).await?;
    Ok(body.apply(body.put_person(Batch::new(), &changed).await?).await?)
}

/// A person's exchange records are shown to them again, once the brokers have heard of it (R50).
async fn disclose(
    node: &Node,
    grant: &Grant<Write>,
    person: PersonId,
    datasets: &[InfoNameCode],
) -> Result<(), ActError> {
    let body = grant.body();
    let _writing = body.writing().await;
    let known = body.person(grant, &person).await?.ok_or(ResultName::NotFound)?;
    let mut changed = body.load_person(grant, &known.person).await?.ok_or(ResultName::NotFound)?;
    if !changed.record.flags.disclose(datasets, node.clock.now_ms()) {
        return Ok(());
    }
    let version = changed.record.flags.undisclosed_version;
    let actor = grant.scope().actor();
    body.audit().disclosed(actor, person, version, datasets, node.clock.now_ms()).await?;
    let batch = body.put_person(Batch::new(), &changed).await?;
    body.apply(undisclosed::to_tell(body, batch, &changed.record).await?).await?;
    body.undisclosing().more_to_tell();
    Ok(())
}

/// A policy takes the place of the one of its name, and is felt by the next operation.
async fn load_policy(node: &Node, grant: &Grant<Write>, policy: Policy) -> Result<(), ActError> {
    let known = grant.body().register().policies().into_iter().any(|known| *known == policy);
    if known {
        return Ok(());
    }
    change(node, grant, Change { put: vec![Entry::Policy(policy)], ..Change::default() }).await
}

async fn remove_policy(node: &Node, grant: &Grant<Write>, name: &str) -> Result<(), ActError> {
    if !grant.body().register().policies().into_iter().any(|known| known.name == name) {
        return Ok(());
    }
    let remove = vec![(Class::Policy, name.to_owned())];
    change(node, grant, Change { remove, ..Change::default() }).await
}

async fn change(node: &Node, grant: &Grant<Write>, change: Change) -> Result<(), ActError> {
    let changed = grant.body().change_register(grant, change, node.clock.now_ms()).await;
    changed.map(drop).map_err(|error| match error {
        ChangeError::Row(error) => error.into(),
        ChangeError::Audit(error) => error.into(),
        error => error.result().into(),
    })
}
