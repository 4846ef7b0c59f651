//! Judges the rows of one batch in their order, and turns what was accepted into writes.

use std::collections::HashSet;

use chukei_domain::copy_row::CopyRow;
use chukei_domain::document::Put;
use chukei_domain::outcome::Refusal;
use chukei_store::{Batch, RowKey};
use chukei_wire::message::staff::RowOutcome;

use super::ParsedRow;
use super::loaded::{Loaded, WorkingDocument};
use super::record_index::{RecordEntry, record_row};
use crate::access::grant::{Grant, Write};
use crate::hosted::HostedBody;
use crate::hosted::rows::RowError;
use crate::outcome::result_of;

/// Bytes after which a further batch is begun; a document goes with its record entries.
const BATCH_BYTES: usize = 4 << 20;

/// Values opened or sealed without a break.
const BREATH: usize = 32;

/// Lets requests that wait for this thread go between the values of a batch.
pub(super) async fn breathe(at: usize) {
    if at % BREATH == BREATH - 1 {
        tokio::task::yield_now().await;
    }
}

/// Outcomes, and what makes them true once written in order.
pub(super) struct Judged {
    pub(super) outcomes: Vec<RowOutcome>,
    pub(super) batches: Vec<Batch>,
}

/// Judges `rows` and prepares their writes.
pub(super) async fn judge(
    grant: &Grant<Write>,
    rows: Vec<ParsedRow>,
    now_ms: u64,
) -> Result<Judged, RowError> {
    let mut loaded = Loaded::read(grant, &rows).await?;
    let mut accepted = HashSet::new();
    let mut outcomes = Vec::with_capacity(rows.len());
    for (at, row) in rows.into_iter().enumerate() {
        breathe(at).await;
        let outcome = match row.row {
            Err(refusal) => Err(refusal),
            Ok(parsed) => {
                judge_row(grant.body(), &mut loaded, &mut accepted, parsed, row.repeated, now_ms).await?
            }
        };
        outcomes.push(outcome.unwrap_or_else(|refusal| RowOutcome::Rejected(result_of(refusal))));
    }
    Ok(Judged { outcomes, batches: writes(grant.body(), loaded).await? })
}

async fn judge_row(
    body: &HostedBody,
    loaded: &mut Loaded,
    accepted: &mut HashSet<RowKey>,
    row: CopyRow,
    repeated: bool,
    now_ms: u64,
) -> Result<Result<RowOutcome, Refusal>, RowError> {
    let Some(person) = loaded.persons.get(&row.addressee).copied() else { return Ok(Err(Refusal::NotFound)) };
    if let Err(refusal) = row.check_reason() {
        return Ok(Err(refusal));
    }
    let key = record_row(body, &row);
    let entry = RecordEntry::of(body, person, &row);
    let known = loaded.entries.get(&key);
    if repeated || accepted.contains(&key) || known.is_some_and(|known| !known.is_same_place(&entry)) {
        return Ok(Err(Refusal::DuplicateRecordId));
    }
    if known == Some(&entry) {
        accepted.insert(key);
        return Ok(Ok(RowOutcome::Unchanged));
    }
    let document = body.document_row(&person, &row.dataset).await?;
    let working = loaded.documents.get_mut(&document).ok_or(RowError::Malformed)?;
    let put = match working.document.put(row.into_item(now_ms)) {
        Ok(put) => put,
        Err(refusal) => return Ok(Err(refusal)),
    };
    working.changed |= put != Put::Unchanged;
    working.entries.push((key.clone(), entry));
    accepted.insert(key);
    Ok(Ok(if put == Put::Unchanged { RowOutcome::Unchanged } else { RowOutcome::Registered }))
}

async fn writes(body: &HostedBody, loaded: Loaded) -> Result<Vec<Batch>, RowError> {
    let mut batches = Vec::new();
    let mut batch = Batch::new();
    for (at, (key, working)) in loaded.documents.into_iter().enumerate() {
        breathe(at).await;
        if working.changed || !working.entries.is_empty() {
            batch = write(body, batch, key, working).await?;
        }
        if batch.bytes() >= BATCH_BYTES {
            batches.push(std::mem::take(&mut batch));
        }
    }
    if !batch.is_empty() {
        batches.push(batch);
    }
    Ok(batches)
}

async fn write(
    body: &HostedBody,
    mut batch: Batch,
    key: RowKey,
    mut working: WorkingDocument,
) -> Result<Batch, RowError> {
    let person = working.person.slot();
    let dataset = body.ensure_dataset(&working.document.dataset()).await?;
    for (row, entry) in working.entries {
        let sealed = body.seal_copy(&row, person, dataset, &entry.to_bytes()?).await?;
        batch = batch.put(row, sealed);
    }
    if !working.changed {
        return Ok(batch);
    }
    working.document.advance();
    batch = match working.version {
        Some(version) => batch.require_version(key.clone(), version),
        None => batch.require_absent(key.clone()),
    };
    let bytes = zeroize::Zeroizing::new(working.document.to_bytes().map_err(|_| RowError::Malformed)?);
    let sealed = body.seal_copy(&key, person, dataset, &bytes).await?;
    Ok(batch.put(key, sealed))
}
