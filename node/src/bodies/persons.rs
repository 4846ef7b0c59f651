//! Enrolled persons: the list, and the flag that withholds a person's own information (R50).

use std::sync::Arc;

use chukei_crypto::seal::SealError;
use chukei_domain::act::ActKind;
use chukei_domain::codes::{AddresseeNumber, InfoNameCode};
use chukei_store::{Batch, RowKey, Space};
use chukei_wire::message::staff::{PersonBlockRequest, PersonListPage, PersonListRequest, RowOutcome};
use chukei_wire::result::ResultName;

use crate::access::asked::Learnt;
use crate::access::grant::{Grant, Read, Write};
use crate::acts;
use crate::app::Node;
use crate::bodies::call::{Call, CallError, Done};
use crate::hosted::HostedBody;
use crate::hosted::persons::PersonRecord;
use crate::hosted::rows::RowError;

/// Persons in one page.
const PAGE: usize = 500;

/// One page of integrated addressee numbers per request message, until the caller has said all.
pub async fn list(_node: &Arc<Node>, grant: &Grant<Read>, call: &mut Call) -> Result<Done, CallError> {
    let mut shown = 0;
    while let Some(request) = call.next::<PersonListRequest>().await? {
        let page = page(grant, request).await?;
        shown += page.persons.len();
        call.reply(&page).await?;
    }
    Ok(Done::of(shown))
}

async fn page(grant: &Grant<Read>, request: PersonListRequest) -> Result<PersonListPage, CallError> {
    let body = grant.body();
    let after = request.after.map(|cursor| RowKey::new(Space::Person).bytes(&cursor));
    let rows = body.scan(&RowKey::new(Space::Person), after.as_ref(), PAGE).await?;
    let next = rows.next().and_then(|row| row.as_bytes().get(1..).map(|rest| rest.to_vec().into()));
    let mut persons = Vec::with_capacity(rows.rows.len());
    for (row, stored) in &rows.rows {
        match body.open_value::<PersonRecord>(Space::Person, row, &stored.value).await {
            Ok(person) => persons.push(person.addressee),
            // Erased a moment ago: the row goes with the next sweep.
            Err(RowError::Seal(SealError::KeyDestroyed)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(PersonListPage { persons, next })
}

/// Sets the flag, and calls off what was asked for to clear it: that is for two persons to decide, see `acts`.
pub async fn block(node: &Arc<Node>, grant: &Grant<Write>, call: &mut Call) -> Result<Done, CallError> {
    let request: PersonBlockRequest = call.request().await?;
    let addressee: AddresseeNumber =
        request.integrated_addressee_number.parse().map_err(|_| CallError::Refused(ResultName::BadFormat))?;
    let datasets = known_datasets(node, grant.body(), &request.datasets)?;
    let outcome = set_flag(node, grant, &addressee, &datasets).await?;
    call.reply(&outcome).await?;
    Ok(Done::of(1))
}

pub(super) fn known_datasets(
    node: &Node,
    body: &HostedBody,
    codes: &[String],
) -> Result<Vec<InfoNameCode>, CallError> {
    if codes.len() > chukei_wire::limits::DATASETS_MAX {
        return Err(CallError::Refused(ResultName::BadFormat));
    }
    let catalogue = node.catalogue(body);
    let known = |code: &String| {
        let parsed: InfoNameCode = code.parse().map_err(|_| ResultName::BadFormat)?;
        catalogue.dataset(code).map(|_| parsed).ok_or(ResultName::UnknownInfoName)
    };
    codes.iter().map(known).collect::<Result<_, _>>().map_err(CallError::Refused)
}

async fn set_flag(
    node: &Node,
    grant: &Grant<Write>,
    addressee: &AddresseeNumber,
    datasets: &[InfoNameCode],
) -> Result<RowOutcome, CallError> {
    let body = grant.body();
    let known =
        body.person_by_addressee(grant, addressee).await?.ok_or(CallError::Refused(ResultName::NotFound))?;
    grant.learn(Learnt { datasets, opens: &[known.person.id], ..Learnt::default() })?;
    acts::call_off_clearing(node, grant, known.person.id, ActKind::Unblock).await?;
    let _writing = body.writing().await;
    let mut person =
        body.person_by_addressee(grant, addressee).await?.ok_or(CallError::Refused(ResultName::NotFound))?;
    let before = person.flags.clone();
    person.flags.block(datasets);
    let outcome = if person.flags == before { RowOutcome::Unchanged } else { RowOutcome::Registered };
    let row = body.person_row(&person.person.id);
    let seal = HostedBody::person_seal(&person.person);
    body.apply(body.put(Batch::new(), Space::Person, row, seal, &person).await?).await?;
    let by = grant.scope().by();
    body.audit().blocked(by, person.person.id, datasets, node.clock.now_ms()).await?;
    Ok(outcome)
}
