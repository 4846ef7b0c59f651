//! Rows of the queue: open items and signed ones, each by its number, and the last number that was given.

use chukei_domain::review::Item;
use chukei_store::{Batch, RowKey, Space, Versioned};

use super::{Reviews, State};
use crate::hosted::HostedBody;
use crate::hosted::rows::RowError;
use crate::key_gate::{Cause, Fault};

/// Signed items that are kept; the log tells of the others.
pub(super) const SIGNED_MAX: u64 = 20_000;
/// Rows read at once.
const PAGE: usize = 500;

fn open_prefix() -> RowKey {
    RowKey::new(Space::Review).bytes(&[0])
}

pub(super) fn signed_prefix() -> RowKey {
    RowKey::new(Space::Review).bytes(&[1])
}

fn last_row() -> RowKey {
    RowKey::new(Space::Review).bytes(&[2])
}

fn open_row(number: u64) -> RowKey {
    open_prefix().bucket(number)
}

pub(super) fn signed_row(number: u64) -> RowKey {
    signed_prefix().bucket(number)
}

/// Adds an open item as it is now.
pub(super) async fn put_open(body: &HostedBody, batch: Batch, item: &Item) -> Result<Batch, RowError> {
    put(body, batch, open_row(item.number), item).await
}

/// Adds that an open item is signed.
pub(super) async fn put_signed(body: &HostedBody, batch: Batch, item: &Item) -> Result<Batch, RowError> {
    put(body, batch.delete(open_row(item.number)), signed_row(item.number), item).await
}

/// Adds the last number given.
pub(super) async fn put_last(body: &HostedBody, batch: Batch, last: u64) -> Result<Batch, RowError> {
    body.put(batch, Space::Review, last_row(), HostedBody::STUB, &last).await
}

async fn put(body: &HostedBody, batch: Batch, row: RowKey, item: &Item) -> Result<Batch, RowError> {
    let bytes = item.to_bytes().map_err(|_| RowError::Malformed)?;
    let sealed = body.seal_bytes(Space::Review, &row, HostedBody::STUB, &bytes).await?;
    Ok(batch.put(row, sealed))
}

/// Opens the item that stands in `row`, which must be the one that belongs there.
pub(super) async fn item_of(body: &HostedBody, row: &RowKey, stored: &Versioned) -> Result<Item, RowError> {
    let bytes = body.open_bytes(Space::Review, row, stored.value.clone()).await?.into_inner();
    let item = Item::from_bytes(&bytes).map_err(|_| RowError::Malformed)?;
    let place = if item.signed.is_some() { signed_row(item.number) } else { open_row(item.number) };
    if place == *row { Ok(item) } else { Err(RowError::Malformed) }
}

impl Reviews {
    /// The queue as it is stored.
    pub(crate) async fn load(&self, body: &HostedBody) -> Result<(), Fault> {
        let state = self.read(body).await.map_err(fault)?;
        *self.state() = state;
        self.wake.notify_one();
        Ok(())
    }

    async fn read(&self, body: &HostedBody) -> Result<State, RowError> {
        let last = body.open_row(Space::Review, &last_row(), &body.get_row(&last_row()).await?).await?;
        let (prefix, mut items) = (open_prefix(), Vec::new());
        let mut after: Option<RowKey> = None;
        loop {
            let page = body.scan(&prefix, after.as_ref(), PAGE).await?;
            for (row, stored) in &page.rows {
                items.push(item_of(body, row, stored).await?);
            }
            after = page.next();
            if after.is_none() {
                break;
            }
        }
        let last = last.unwrap_or_default();
        let queue = chukei_domain::review::Queue::load(items, last);
        Ok(State { queue, last_written: last, ..State::default() })
    }
}

/// A body whose queue was altered is not served: what it hid would not be reviewed.
fn fault(error: RowError) -> Fault {
    match error {
        RowError::Store(error) => error.into(),
        RowError::Keyfile(error) => (&error).into(),
        error => Fault::new(Cause::Damaged, format!("the review queue: {error}")),
    }
}
