//! From what is wanted to what two persons decide on: found, checked and bound to what is there now.

use chukei_crypto::hash::sha256;
use chukei_crypto::seal::SealError;
use chukei_domain::act::Subject;
use chukei_domain::catalogue::Catalogue;
use chukei_domain::codes::{AddresseeNumber, InfoNameCode};
use chukei_domain::register::{Entry, Policy};
use chukei_wire::limits::{ACT_TEXT_MAX, DATASETS_MAX};
use chukei_wire::message::act::ActWanted;
use chukei_wire::result::ResultName;

use super::{ActError, log_gap};
use crate::access::grant::{Grant, Write};
use crate::app::Node;
use crate::hosted::HostedBody;
use crate::hosted::persons::PersonRecord;
use crate::hosted::rows::RowError;

/// What two persons are to decide on, and the text that goes with it.
pub(super) async fn of(
    node: &Node,
    grant: &Grant<Write>,
    wanted: ActWanted,
) -> Result<(Subject, Option<String>), ActError> {
    let body = grant.body();
    let subject = match wanted {
        ActWanted::ErasePerson { integrated_addressee_number } => {
            Subject::ErasePerson(person(grant, &integrated_addressee_number).await?.person.id)
        }
        ActWanted::EraseDataset { info_name_code } => {
            let dataset = dataset(&info_name_code)?;
            body.dataset_slot(&dataset).await?.ok_or(ResultName::NotFound)?;
            Subject::EraseDataset(dataset)
        }
        ActWanted::EraseBody => Subject::EraseBody,
        // They stay until their own retention ends, whoever decides otherwise.
        ActWanted::EraseRecords => return Err(ResultName::RetentionLocked.into()),
        ActWanted::Unblock { integrated_addressee_number, datasets } => {
            let datasets = all_datasets(&datasets)?;
            let known = person(grant, &integrated_addressee_number).await?;
            Subject::Unblock { person: known.person.id, datasets }
        }
        ActWanted::DiscloseRecords { integrated_addressee_number, datasets } => {
            let datasets = all_datasets(&datasets)?;
            let known = person(grant, &integrated_addressee_number).await?;
            Subject::DiscloseRecords { person: known.person.id, datasets }
        }
        ActWanted::PolicyLoad { name, text } => return policy(node, name, text).await,
        ActWanted::PolicyRemove { name } => {
            let known = body.register().policies().into_iter().any(|known| known.name == name);
            if !known {
                return Err(ResultName::NotFound.into());
            }
            Subject::PolicyRemove(name)
        }
        ActWanted::CatalogueLoad { text } => return catalogue(node, body, text),
        ActWanted::AuditExport { from_ms, until_ms } if from_ms < until_ms => {
            Subject::AuditExport { from_ms, until_ms }
        }
        ActWanted::AuditExport { .. } => return Err(ResultName::BadPeriod.into()),
        ActWanted::KeyringCopy => Subject::KeyringCopy,
        ActWanted::LogGap => log_gap::wanted(body).await?,
    };
    Ok((subject, None))
}

/// A person who is there and not erased.
async fn person(grant: &Grant<Write>, number: &str) -> Result<PersonRecord, ActError> {
    let number: AddresseeNumber = number.parse().map_err(|_| ResultName::BadFormat)?;
    match grant.body().person_by_addressee(grant, &number).await {
        Err(RowError::Seal(SealError::KeyDestroyed)) => Err(ResultName::NotFound.into()),
        person => Ok(person?.ok_or(ResultName::NotFound)?),
    }
}

fn dataset(code: &str) -> Result<InfoNameCode, ResultName> {
    code.parse().map_err(|_| ResultName::BadFormat)
}

/// In order, each once.
fn all_datasets(codes: &[String]) -> Result<Vec<InfoNameCode>, ResultName> {
    if codes.len() > DATASETS_MAX {
        return Err(ResultName::BadFormat);
    }
    let mut datasets = codes.iter().map(|code| dataset(code)).collect::<Result<Vec<_>, _>>()?;
    datasets.sort_unstable();
    datasets.dedup();
    Ok(datasets)
}

/// A policy that could be put in force now: checked wholly before anybody is asked to approve it.
async fn policy(node: &Node, name: String, text: String) -> Result<(Subject, Option<String>), ActError> {
    let entry = Entry::Policy(Policy { name, text });
    entry.check_alone().map_err(|_| ResultName::BadFormat)?;
    let Entry::Policy(Policy { name, text }) = entry else { return Err(ResultName::BadFormat.into()) };
    let (book, checked) = (node.policies.clone(), text.clone());
    let found = tokio::task::spawn_blocking(move || book.check(&checked).map(drop)).await;
    found.map_err(|_| ResultName::NotReady)?.map_err(|error| {
        tracing::info!(%error, "a policy is not accepted");
        ResultName::BadFormat
    })?;
    Ok((Subject::PolicyLoad { name, digest: sha256(text.as_bytes()) }, Some(text)))
}

/// A catalogue that is later than the one in force.
fn catalogue(node: &Node, body: &HostedBody, text: String) -> Result<(Subject, Option<String>), ActError> {
    if text.len() > ACT_TEXT_MAX {
        return Err(ResultName::BadFormat.into());
    }
    let catalogue = Catalogue::parse(&text).map_err(|error| {
        tracing::info!(%error, "a catalogue is not accepted");
        ResultName::BadFormat
    })?;
    if catalogue.valid_from() <= node.catalogue(body).valid_from() {
        return Err(ResultName::BadPeriod.into());
    }
    let valid_from = u32::try_from(catalogue.valid_from().number()).map_err(|_| ResultName::BadPeriod)?;
    let version = catalogue.version().to_owned();
    Ok((Subject::CatalogueLoad { version, valid_from, digest: sha256(text.as_bytes()) }, Some(text)))
}
