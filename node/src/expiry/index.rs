//! What ends with which day: a row for each notice, in order of its last day, so that what is over is found without
//! opening what is not.

use chukei_store::{Batch, RowKey, Space};
use chukei_wire::id::NoticeId;

use crate::hosted::HostedBody;
use crate::hosted::notices::NoticeStub;
use crate::hosted::rows::RowError;

/// Stubs looked at in one step of the first indexing.
const STUBS: usize = 500;

impl HostedBody {
    /// The row that says on which day a notice ends.
    pub(crate) fn expiry_row(expiry_day: u32, notice: NoticeId) -> RowKey {
        RowKey::new(Space::Expiry).bucket(u64::from(expiry_day)).bytes(&notice.0)
    }

    /// Adds to `batch` that a notice ends with its last day.
    pub(crate) async fn put_expiry(&self, batch: Batch, stub: &NoticeStub) -> Result<Batch, RowError> {
        let row = Self::expiry_row(stub.expiry_day, stub.id);
        self.put(batch, Space::Expiry, row, Self::STUB, &stub.id).await
    }
}

fn indexed_row() -> RowKey {
    RowKey::new(Space::Meta).bytes(b"expiry-indexed")
}

/// Indexes the notices of a body whose notices were registered before there was an index. Done once; broken off, it
/// begins again and changes nothing that stands.
pub(super) async fn ensure(body: &HostedBody) -> Result<(), RowError> {
    if body.get_row(&indexed_row()).await?.is_some() {
        return Ok(());
    }
    let prefix = RowKey::new(Space::Notice).bytes(&[0]);
    let mut after: Option<RowKey> = None;
    loop {
        let stubs = body.scan(&prefix, after.as_ref(), STUBS).await?;
        let mut batch = Batch::new();
        for (row, stored) in &stubs.rows {
            let stub: NoticeStub = body.open_value(Space::Notice, row, &stored.value).await?;
            batch = body.put_expiry(batch, &stub).await?;
        }
        after = stubs.next();
        if after.is_none() {
            batch = body.put(batch, Space::Meta, indexed_row(), HostedBody::STUB, &1_u8).await?;
        }
        if !batch.is_empty() {
            body.apply(batch).await?;
        }
        if after.is_none() {
            return Ok(());
        }
    }
}

/// The next notice whose last day is before `today`, in order of days.
pub(super) async fn next_ended(
    body: &HostedBody,
    today: u32,
) -> Result<Option<(RowKey, NoticeId)>, RowError> {
    let prefix = RowKey::new(Space::Expiry);
    let first = body.scan(&prefix, None, 1).await?.rows.into_iter().next();
    let Some((row, stored)) = first else { return Ok(None) };
    if row >= prefix.bucket(u64::from(today)) {
        return Ok(None);
    }
    let notice = body.open_value(Space::Expiry, &row, &stored.value).await?;
    Ok(Some((row, notice)))
}
