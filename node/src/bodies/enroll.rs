//! Person enrolment: acquisition numbers become linkage codes, and persons get an id, keys and a row.
//!
//! What must hold: the same file again changes nothing; one addressee number and one linkage code lead to one
//! person; nothing is written unless the whole batch can be. The part of a number that says who the person is
//! goes to the broker unopened.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use chukei_crypto::acquisition::{self, Parts};
use chukei_crypto::binding::BindingSecret;
use chukei_crypto::random;
use chukei_domain::codes::AddresseeNumber;
use chukei_domain::individual_number;
use chukei_store::Space;
use chukei_wire::header::PersonCode;
use chukei_wire::limits::{ACQUISITION_NUMBER_MAX, ENROL_BATCH_ROWS};
use chukei_wire::message::staff::{BatchReply, EnrollBatch, EnrollRow, RowOutcome};
use chukei_wire::result::ResultName;

use crate::access::decision::{Grant, Write};
use crate::app::Node;
use crate::bodies::call::{Call, CallError, Done};
use crate::hosted::HostedBody;
use crate::hosted::persons::{PersonRecord, PersonRef};
use crate::hosted::rows::RowError;
use crate::outbound::acquire;

/// A row whose own part has been opened.
struct Opened {
    addressee: AddresseeNumber,
    broker_part: Vec<u8>,
    binding: BindingSecret,
    number_id: [u8; 16],
}

/// Serves one enrolment, batch by batch.
pub async fn enroll(node: &Arc<Node>, grant: Grant<Write>, call: &mut Call) -> Result<Done, CallError> {
    let grant = Arc::new(grant);
    let mut enrolled = 0;
    while let Some(batch) = call.next::<EnrollBatch>().await? {
        if batch.rows.len() > ENROL_BATCH_ROWS {
            return Err(CallError::Refused(ResultName::BadFormat));
        }
        let (of, held) = (node.clone(), grant.clone());
        let work = async move { enroll_batch(&of, &held, batch).await };
        let rows = node.admit_batch(grant.body().limit(), work).await?;
        enrolled += rows.iter().filter(|row| **row == RowOutcome::Registered).count();
        call.reply(&BatchReply { rows }).await?;
    }
    Ok(Done::of(enrolled))
}

async fn enroll_batch(
    node: &Arc<Node>,
    grant: &Arc<Grant<Write>>,
    batch: EnrollBatch,
) -> Result<Vec<RowOutcome>, CallError> {
    let opened = open_rows(node, grant, batch.rows).await?;
    // The broker may take its time: codes are there before other changes of the body are made to wait.
    let codes = acquire_codes(node, grant, &opened).await?;
    let body = grant.body();
    let _writing = body.writing().await;
    let mut judged = Judged::default();
    for (at, row) in opened.into_iter().enumerate() {
        let outcome = match row {
            Err(result) => RowOutcome::Rejected(result),
            Ok(row) => judged.judge(grant, at, row, codes.get(&at).copied())?,
        };
        judged.outcomes.push(outcome);
    }
    let Judged { mut outcomes, repeats, accepted, .. } = judged;
    settle_repeats(&mut outcomes, &repeats);
    let written = async { Ok::<_, CallError>(write(body, &accepted).await?) };
    let (log, counts, now_ms) = (body.audit(), counts(&outcomes), node.clock.now_ms());
    let logged = async { Ok(log.enrolled(grant.scope().actor(), counts, now_ms).await?) };
    tokio::try_join!(written, logged)?;
    Ok(outcomes)
}

/// Linkage codes for the rows that are not enrolled yet, by their place in the batch.
async fn acquire_codes(
    node: &Node,
    grant: &Grant<Write>,
    rows: &[Result<Opened, ResultName>],
) -> Result<HashMap<usize, PersonCode>, CallError> {
    let mut places = Vec::new();
    let mut parts = Vec::new();
    for (at, row) in rows.iter().enumerate() {
        if let Ok(row) = row
            && known(grant, row)?.is_none()
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

/// The rows of one batch, judged in their order.
#[derive(Default)]
struct Judged {
    outcomes: Vec<RowOutcome>,
    accepted: Vec<(Opened, PersonCode)>,
    /// Addressee numbers met in this batch: where first, and with which number id.
    met: HashMap<AddresseeNumber, (usize, [u8; 16])>,
    taken: HashSet<PersonCode>,
    /// Rows that repeat an earlier one: (this, earlier).
    repeats: Vec<(usize, usize)>,
}

impl Judged {
    fn judge(
        &mut self,
        grant: &Grant<Write>,
        at: usize,
        row: Opened,
        code: Option<PersonCode>,
    ) -> Result<RowOutcome, RowError> {
        if let Some(outcome) = known(grant, &row)? {
            return Ok(outcome);
        }
        if let Some((first, number_id)) = self.met.get(&row.addressee) {
            if *number_id != row.number_id {
                return Ok(RowOutcome::Rejected(ResultName::SubjectMismatch));
            }
            self.repeats.push((at, *first));
            return Ok(RowOutcome::Unchanged);
        }
        self.met.insert(row.addressee, (at, row.number_id));
        let Some(code) = code else { return Ok(RowOutcome::Rejected(ResultName::CodeNotAcquired)) };
        // A code that leads to somebody under another addressee number: never one person twice (R30).
        if !self.taken.insert(code) || grant.body().get_row(&grant.body().code_row(&code))?.is_some() {
            return Ok(RowOutcome::Rejected(ResultName::SubjectMismatch));
        }
        self.accepted.push((row, code));
        Ok(RowOutcome::Registered)
    }
}

/// A row that repeats an earlier one of its batch shares that one's refusal.
fn settle_repeats(outcomes: &mut [RowOutcome], repeats: &[(usize, usize)]) {
    for (at, first) in repeats {
        let refused = outcomes.get(*first).copied().filter(|first| matches!(first, RowOutcome::Rejected(_)));
        if let (Some(refused), Some(outcome)) = (refused, outcomes.get_mut(*at)) {
            *outcome = refused;
        }
    }
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
    let (binding, number_id) =
        acquisition::open_party_part(&party_part, body.acquisition(), registry, &party, now_ms)
            .map_err(not_acquired)?;
    Ok(Opened { addressee, broker_part, binding, number_id })
}

/// What is already enrolled under the row's addressee number, as the row's outcome.
fn known(grant: &Grant<Write>, row: &Opened) -> Result<Option<RowOutcome>, RowError> {
    let person = grant.body().person_by_addressee(grant, &row.addressee)?;
    Ok(person.map(|person| {
        if person.number_id == row.number_id {
            RowOutcome::Unchanged
        } else {
            // Somebody else stands under this addressee number: never two persons in one (R30).
            RowOutcome::Rejected(ResultName::SubjectMismatch)
        }
    }))
}

/// Writes the accepted persons, all in one batch.
async fn write(body: &HostedBody, accepted: &[(Opened, PersonCode)]) -> Result<(), RowError> {
    if accepted.is_empty() {
        return Ok(());
    }
    let first = body.reserve_numbers(accepted.len()).await?;
    let mut batch = first.batch;
    for ((row, code), number) in accepted.iter().zip(first.from..) {
        let id = random::bytes().map_err(|error| RowError::Keyring(error.to_string()))?;
        let person = PersonRef { id, number };
        let record = PersonRecord::new(person, &row.addressee, *code, row.number_id, &row.binding);
        let (by_addressee, by_code) = (body.addressee_row(&row.addressee), body.code_row(code));
        batch = batch.require_absent(by_addressee.clone()).require_absent(by_code.clone());
        batch = body.put(batch, Space::PersonByAddressee, by_addressee, HostedBody::ALIAS, &person)?;
        batch = body.put(batch, Space::PersonByCode, by_code, HostedBody::ALIAS, &person)?;
        let own = body.person_row(&person.id);
        batch = body.put(batch, Space::Person, own, HostedBody::person_seal(&person), &record)?;
    }
    body.apply(batch).await
}

/// Registered, unchanged and rejected rows.
pub(crate) fn counts(outcomes: &[RowOutcome]) -> [u64; 3] {
    let count = |wanted: fn(&RowOutcome) -> bool| outcomes.iter().filter(|row| wanted(row)).count() as u64;
    [
        count(|row| *row == RowOutcome::Registered),
        count(|row| *row == RowOutcome::Unchanged),
        count(|row| matches!(row, RowOutcome::Rejected(_))),
    ]
}
