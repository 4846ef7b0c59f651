//! Person enrolment: acquisition numbers become linkage codes, and persons get an id, keys and a row.
//!
//! What must hold: the same file again changes nothing; one addressee number and one linkage code lead to one
//! person; nothing is written unless the whole batch can be. The part of a number that says who the person is
//! goes to the broker unopened. A number issued after the registry turned to a newer binding brings an enrolled
//! person that binding, beside the one before it.

mod judged;

use std::collections::HashMap;
use std::sync::Arc;

use chukei_crypto::acquisition::{self, Parts, PartyPart};
use chukei_crypto::person_code::version_of;
use chukei_crypto::random;
use chukei_domain::codes::AddresseeNumber;
use chukei_domain::individual_number;
use chukei_store::{Batch, Space};
use chukei_wire::header::PersonCode;
use chukei_wire::limits::{ACQUISITION_NUMBER_MAX, ENROL_BATCH_ROWS};
use chukei_wire::message::staff::{EnrollBatch, EnrollRow, RowOutcome};
use chukei_wire::result::ResultName;

use crate::access::grant::{Grant, Write};
use crate::app::Node;
use crate::bodies::batches::{self, counts};
use crate::bodies::call::{Call, CallError, Done};
use crate::hosted::HostedBody;
use crate::hosted::persons::{PersonRecord, PersonRef};
use crate::hosted::rows::RowError;
use crate::outbound::acquire;
use judged::{Judged, New};

/// A row whose own part has been opened.
struct Opened {
    addressee: AddresseeNumber,
    broker_part: Vec<u8>,
    part: PartyPart,
}

/// Serves one enrolment, batch by batch.
pub async fn enroll(node: &Arc<Node>, grant: Grant<Write>, call: &mut Call) -> Result<Done, CallError> {
    let fits = |batch: &EnrollBatch| batch.rows.len() <= ENROL_BATCH_ROWS;
    batches::serve(node, grant, call, fits, enroll_batch).await
}

async fn enroll_batch(
    node: Arc<Node>,
    grant: Arc<Grant<Write>>,
    batch: EnrollBatch,
) -> Result<Vec<RowOutcome>, CallError> {
    let (node, grant) = (&node, &grant);
    let opened = open_rows(node, grant, batch.rows).await?;
    // The broker may take its time: codes are there before other changes of the body are made to wait.
    let codes = acquire_codes(node, grant, &opened).await?;
    let body = grant.body();
    let _writing = body.writing().await;
    let mut judged = Judged::default();
    for (at, row) in opened.into_iter().enumerate() {
        let outcome = match row {
            Err(result) => RowOutcome::Rejected(result),
            Ok(row) => judged.judge(grant, at, row, codes.get(&at).copied()).await?,
        };
        judged.outcomes.push(outcome);
    }
    let outcomes = judged.settled();
    let written = async { Ok::<_, CallError>(write(body, &judged).await?) };
    let (log, counts, now_ms) = (body.audit(), counts(&outcomes), node.clock.now_ms());
    let logged = async { Ok(log.enrolled(grant.scope().by(), counts, now_ms).await?) };
    tokio::try_join!(written, logged)?;
    judged.codes().for_each(|code| node.code_renewals.acquired(body.code(), version_of(&code.0)));
    Ok(outcomes)
}

/// Whether nobody stands under the row's addressee number, or somebody whose code no broker knows any more.
async fn needs_code(node: &Node, grant: &Grant<Write>, row: &Opened) -> Result<bool, CallError> {
    let enrolled = grant.body().person_by_addressee(grant, &row.addressee).await?;
    Ok(enrolled.is_none_or(|person| node.code_renewals.is_over(version_of(&person.code.0))))
}

/// Linkage codes for the rows that need one, by their place in the batch.
async fn acquire_codes(
    node: &Node,
    grant: &Grant<Write>,
    rows: &[Result<Opened, ResultName>],
) -> Result<HashMap<usize, PersonCode>, CallError> {
    let mut places = Vec::new();
    let mut parts = Vec::new();
    for (at, row) in rows.iter().enumerate() {
        if let Ok(row) = row
            && needs_code(node, grant, row).await?
        {
            places.push(at);
            parts.push(row.broker_part.clone());
        }
    }
    if parts.is_empty() {
        return Ok(HashMap::new());
    }
    let codes = acquire::codes(node, grant.body().code(), parts).await?;
    Ok(places.into_iter().zip(codes).filter_map(|(at, code)| Some((at, code?))).collect())
}

/// Opens the body's parts; public-key work, so off the threads that serve requests.
async fn open_rows(
    node: &Arc<Node>,
    grant: &Arc<Grant<Write>>,
    rows: Vec<EnrollRow>,
) -> Result<Vec<Result<Opened, ResultName>>, CallError> {
    let (node, grant) = (node.clone(), grant.clone());
    let opening = tokio::task::spawn_blocking(move || {
        let now_ms = node.clock.now_ms();
        rows.iter().map(|row| open_row(grant.body(), node.peers().registry(), row, now_ms)).collect()
    });
    opening.await.map_err(|_| CallError::NotNow(ResultName::NotReady))
}

fn open_row(
    body: &HostedBody,
    registry: &[u8; 32],
    row: &EnrollRow,
    now_ms: u64,
) -> Result<Opened, ResultName> {
    let number = row.acquisition_number.as_str();
    if individual_number::find(&row.integrated_addressee_number) || individual_number::find(number) {
        return Err(ResultName::ForbiddenIdentifier);
    }
    let addressee: AddresseeNumber =
        row.integrated_addressee_number.parse().map_err(|_| ResultName::BadFormat)?;
    if number.is_empty()
        || number.len() > ACQUISITION_NUMBER_MAX
        || !number.bytes().all(|b| b.is_ascii_graphic())
    {
        return Err(ResultName::BadFormat);
    }
    let not_acquired = |_| ResultName::CodeNotAcquired;
    let Parts { broker_part, party_part } =
        acquisition::split(number).map_err(|_| ResultName::CodeNotAcquired)?;
    let party = format!("body/{}", body.code());
    let part = acquisition::open_party_part(&party_part, body.acquisition(), registry, &party, now_ms)
        .map_err(not_acquired)?;
    Ok(Opened { addressee, broker_part, part })
}

/// Writes the new persons and the changed ones, all in one batch.
async fn write(body: &HostedBody, judged: &Judged) -> Result<(), RowError> {
    let mut batch = Batch::new();
    if !judged.new.is_empty() {
        let reserved = body.reserve_numbers(judged.new.len()).await?;
        batch = reserved.batch;
        for (new, number) in judged.new.iter().zip(reserved.from..) {
            batch = put_new(body, batch, new, number).await?;
        }
    } else if judged.changed.is_empty() {
        return Ok(());
    }
    for changed in judged.changed.values() {
        batch = body.put_person(batch, &changed.person).await?;
        if changed.has_new_code {
            let record = &changed.person.record;
            batch = body.put_code(batch, &record.code, &record.person).await?;
        }
    }
    body.apply(batch).await
}

async fn put_new(body: &HostedBody, mut batch: Batch, new: &New, number: u64) -> Result<Batch, RowError> {
    let id = random::bytes().map_err(|error| RowError::Keyring(error.to_string()))?;
    let person = PersonRef { id, number };
    let record = PersonRecord::new(person, &new.addressee, new.code, new.number_id, new.bindings.clone());
    let by_addressee = body.addressee_row(&new.addressee);
    batch = batch.require_absent(by_addressee.clone());
    batch = body
        .put(batch, Space::PersonByAddressee, by_addressee, HostedBody::person_seal(&person), &person)
        .await?;
    batch = body.put_code(batch, &new.code, &person).await?;
    let own = body.person_row(&person.id);
    body.put(batch, Space::Person, own, HostedBody::person_seal(&person), &record).await
}
