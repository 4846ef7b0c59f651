//! The resident registry, which this mock plays: new persons, their acquisition numbers, and the portal's own
//! codes for them, exchanged at the broker.
//!
//! What must hold: a row leaves this module only once its person is durable; memory does not grow with the
//! number of persons. Several batches are in flight, their sealing on every core, their rows in order.

mod exchange;
mod issue;
pub(crate) mod number;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chukei_relay_client::dial::Dialer;
use chukei_wire::body_code::BodyCode;
use chukei_wire::limits::ENROL_BATCH_ROWS;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::core::Core;
use crate::failure::Failure;
use crate::protocol::PersonRow;
use crate::registry::issue::NewPerson;
use crate::storage::person;

pub(crate) use issue::Registry;

/// Persons one call may make.
pub(crate) const PERSONS_MAX: u64 = 10_000_000;
/// Batches in flight: enough that sealing, the broker and the store all have work.
const BATCHES: usize = 4;
/// Time one batch may take at the broker, reconnections included.
const EXCHANGE: Duration = Duration::from_secs(60);

/// Makes `count` new persons of `body`; `emit` gets their rows in order.
pub(crate) async fn add_persons<F>(
    core: &Arc<Core>,
    links: &Arc<Dialer>,
    body: BodyCode,
    count: u64,
    mut emit: impl FnMut(Vec<PersonRow>) -> F,
) -> Result<(), Failure>
where
    F: Future<Output = Result<(), Failure>>,
{
    let start = core.vault.allot(body, count).await.map_err(|error| core.store_failed(&error))?;
    let start = start.ok_or_else(|| Failure::usage("no addressee numbers are left in this body"))?;
    let taken = usize::try_from(count).map_err(|_| Failure::usage("too many persons"))?;
    let mut counters = number::counters(start).take(taken).peekable();
    let mut batches = JoinSet::new();
    let mut ready = BTreeMap::new();
    let (mut begun, mut emitted) = (0_u64, 0_u64);
    loop {
        // What waits for its turn counts as in flight, so that one slow batch bounds the memory of the others.
        while batches.len() + ready.len() < BATCHES && counters.peek().is_some() {
            let some: Vec<u64> = counters.by_ref().take(ENROL_BATCH_ROWS).collect();
            let (core, links, index) = (Arc::clone(core), Arc::clone(links), begun);
            batches.spawn(async move { (index, add_batch(core, links, body, some).await) });
            begun += 1;
        }
        if let Some(rows) = ready.remove(&emitted) {
            emit(rows).await?;
            emitted += 1;
            continue;
        }
        let Some(joined) = batches.join_next().await else { return Ok(()) };
        let (index, rows) = joined.map_err(|_| Failure::internal("a batch was interrupted"))?;
        ready.insert(index, rows?);
    }
}

/// New numbers for persons of `body`, of the `first` so many or of all; `emit` gets their rows in order.
pub(crate) async fn reissue<F>(
    core: &Arc<Core>,
    body: BodyCode,
    first: Option<u64>,
    mut emit: impl FnMut(Vec<PersonRow>) -> F,
) -> Result<(), Failure>
where
    F: Future<Output = Result<(), Failure>>,
{
    let mut left = first.map_or(usize::MAX, |first| usize::try_from(first).unwrap_or(usize::MAX));
    let mut after = None;
    loop {
        let page = core.vault.list_persons(body, after).await;
        let (page, more) = page.map_err(|error| core.store_failed(&error))?;
        let more = more && page.len() < left;
        after = page.last().map(|row| row.counter);
        let some: Vec<_> = page.into_iter().take(left).collect();
        left -= some.len();
        let known = core.vault.listed_persons(&some).await.map_err(|error| core.store_failed(&error))?;
        let issuer = Arc::clone(core);
        let rows = tokio::task::spawn_blocking(move || reissued(&issuer, body, &known));
        emit(rows.await.map_err(|_| Failure::internal("issuing was interrupted"))??).await?;
        if !more {
            return Ok(());
        }
    }
}

fn reissued(core: &Core, body: BodyCode, persons: &[person::PersonRow]) -> Result<Vec<PersonRow>, Failure> {
    let number = |row: &person::PersonRow| {
        Ok(PersonRow {
            integrated_addressee_number: number::addressee_number(body, row.counter),
            acquisition_number: core.registry.reissue(core, row)?,
        })
    };
    persons.iter().map(number).collect()
}

async fn add_batch(
    core: Arc<Core>,
    links: Arc<Dialer>,
    body: BodyCode,
    counters: Vec<u64>,
) -> Result<Vec<PersonRow>, Failure> {
    let issuer = Arc::clone(&core);
    let issued = tokio::task::spawn_blocking(move || issuer.registry.issue(&issuer, body, &counters));
    let (persons, parts) = issued.await.map_err(|_| Failure::internal("issuing was interrupted"))??;
    let codes = exchange::exchange(&core, &links, parts, Instant::now() + EXCHANGE).await?;
    let known = persons.iter().zip(codes).map(|(new, code)| person::PersonRow {
        person: new.person,
        body,
        counter: new.counter,
        code,
        number_id: new.number_id,
    });
    let known: Vec<person::PersonRow> = known.collect();
    core.vault.add_persons(&known).await.map_err(|error| core.store_failed(&error))?;
    let rows = persons.into_iter().map(|NewPerson { counter, acquisition_number, .. }| PersonRow {
        integrated_addressee_number: number::addressee_number(body, counter),
        acquisition_number,
    });
    Ok(rows.collect())
}
