//! Acts as sealed rows, in the order in which they were asked for, and the text that an act is about beside it.
//!
//! What must hold: a row is changed only as it was read; a person stands in it by the random internal id. Ended acts are
//! kept for a year and at most in a bounded number: the log has them for as long as it is kept.

use chukei_domain::act::{Act, ActKind};
use chukei_store::partition::MAX_SCAN_ROWS;
use chukei_store::{Batch, RowKey, Space};
use serde::{Deserialize, Serialize};

use crate::hosted::HostedBody;
use crate::hosted::rows::RowError;

/// Acts of a body of which something is still to come.
pub(super) const OPEN_MAX: usize = 256;
/// Acts of a body in its rows; beyond it the oldest that have ended go.
const KEPT_MAX: usize = 4_096;
/// How long an act that has ended stays in its row, milliseconds.
const KEPT_MS: u64 = 366 * 86_400_000;
/// Rows removed at once.
const REMOVED_AT_ONCE: usize = 1_024;

/// What stands in an act's row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Row {
    /// The act.
    #[serde(rename = "a")]
    pub(super) act: Act,
    /// The erasure that it began.
    #[serde(rename = "e", with = "serde_bytes")]
    pub(super) erasure: Option<[u8; 16]>,
    /// What was asked for under an idempotency key: a keyed hash, into which that key goes as well, so that it tells
    /// nobody here whom or what the request was about.
    #[serde(rename = "w", with = "serde_bytes", default)]
    pub(super) request: Option<[u8; 32]>,
}

/// A row as it was read, to be changed.
#[derive(Clone, Debug)]
pub(super) struct Loaded {
    pub(super) row: Row,
    version: u64,
}

fn acts() -> RowKey {
    RowKey::new(Space::Act).bytes(&[0])
}

fn key(id: [u8; 16]) -> RowKey {
    acts().bytes(&id)
}

fn text_key(id: [u8; 16]) -> RowKey {
    RowKey::new(Space::Act).bytes(&[1]).bytes(&id)
}

/// A page of acts behind `after`, the id of the last one seen, and whether more follow.
pub(super) async fn page(
    body: &HostedBody,
    after: Option<&[u8]>,
    limit: usize,
) -> Result<(Vec<Loaded>, bool), RowError> {
    let (prefix, after) = (acts(), after.map(|after| acts().bytes(after)));
    let rows = body.scan(&prefix, after.as_ref(), limit).await?;
    let mut loaded = Vec::with_capacity(rows.rows.len());
    for (key, stored) in &rows.rows {
        let row = body.open_value(Space::Act, key, &stored.value).await?;
        loaded.push(Loaded { row, version: stored.version });
    }
    Ok((loaded, rows.more))
}

/// Every act of the body, in the order in which they were asked for.
pub(super) async fn all(body: &HostedBody) -> Result<Vec<Loaded>, RowError> {
    let mut all: Vec<Loaded> = Vec::new();
    loop {
        let after = all.last().map(|last| last.row.act.id);
        let (page, more) = page(body, after.as_ref().map(|id| &id[..]), MAX_SCAN_ROWS).await?;
        all.extend(page);
        if !more {
            return Ok(all);
        }
    }
}

/// One act.
pub(super) async fn load(body: &HostedBody, id: [u8; 16]) -> Result<Option<Loaded>, RowError> {
    let key = key(id);
    let Some(stored) = body.get_row(&key).await? else { return Ok(None) };
    let row = body.open_value(Space::Act, &key, &stored.value).await?;
    Ok(Some(Loaded { row, version: stored.version }))
}

/// Writes a new act, with the text that it is about.
pub(super) async fn add(body: &HostedBody, row: Row, text: Option<&str>) -> Result<Row, RowError> {
    let (key, text_key) = (key(row.act.id), text_key(row.act.id));
    let mut batch = Batch::new().require_absent(key.clone());
    batch = body.put(batch, Space::Act, key, HostedBody::STUB, &row).await?;
    if let Some(text) = text {
        batch = body.put(batch, Space::Act, text_key, HostedBody::STUB, &text).await?;
    }
    body.apply(batch).await?;
    Ok(row)
}

/// The text that an act is about.
pub(super) async fn text(body: &HostedBody, id: [u8; 16]) -> Result<Option<String>, RowError> {
    let key = text_key(id);
    let stored = body.get_row(&key).await?;
    body.open_row(Space::Act, &key, &stored).await
}

impl Loaded {
    /// Makes the changed row durable; the version read stays what it was, so that it is written once.
    pub(super) async fn save(self, body: &HostedBody) -> Result<Row, RowError> {
        let Self { row, version } = self;
        let key = key(row.act.id);
        let batch = Batch::new().require_version(key.clone(), version);
        body.apply(body.put(batch, Space::Act, key, HostedBody::STUB, &row).await?).await?;
        Ok(row)
    }
}

/// Removes acts that ended long ago, and the oldest where there are too many.
pub(super) async fn tidy(body: &HostedBody, all: &[Loaded], settled_ms: u64) -> Result<(), RowError> {
    let surplus = all.len().saturating_sub(KEPT_MAX);
    let ended = all.iter().enumerate().filter(|(_, loaded)| !loaded.row.act.state.is_open());
    let old = ended.filter(|(place, loaded)| {
        let ended_ms = loaded.row.act.ended.as_ref().map_or(loaded.row.act.until_ms, |step| step.at_ms);
        *place < surplus || settled_ms >= ended_ms.saturating_add(KEPT_MS).max(loaded.row.act.until_ms)
    });
    let gone = old.take(REMOVED_AT_ONCE).fold(Batch::new(), |batch, (_, loaded)| {
        let id = loaded.row.act.id;
        batch.require_version(key(id), loaded.version).delete(key(id)).delete(text_key(id))
    });
    if gone.is_empty() { Ok(()) } else { body.apply(gone).await }
}

impl Row {
    /// An act that has begun nothing, and what it was asked for with.
    pub(super) fn new(act: Act, request: Option<[u8; 32]>) -> Self {
        Self { act, erasure: None, request }
    }

    /// Its kind.
    pub(super) fn kind(&self) -> ActKind {
        self.act.subject.kind()
    }
}
