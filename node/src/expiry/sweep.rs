//! Removal of rows that nobody can open any more. Takes its time, in batches; what it leaves at a stop is swept at the
//! next turn of the day.

use chukei_store::{Batch, RowKey, Space};

use crate::access::decision::{Grant, Write};
use crate::hosted::HostedBody;
use crate::hosted::notices::NoticeStub;
use crate::hosted::rows::RowError;

/// Rows removed in one batch.
const SWEEP_ROWS: usize = 500;

/// Removes what can no longer be opened.
pub(super) async fn sweep(grant: &Grant<Write>, today: u32) -> Result<(), RowError> {
    let body = grant.body();
    let prefix = RowKey::new(Space::Notice).bytes(&[0]);
    let mut after: Option<RowKey> = None;
    loop {
        let rows = body.scan(&prefix, after.as_ref(), SWEEP_ROWS).await?;
        for (row, stored) in &rows.rows {
            let stub: NoticeStub = body.open_value(Space::Notice, row, &stored.value).await?;
            if stub.expiry_day < today {
                sweep_notice(body, &stub).await?;
            }
        }
        match rows.next() {
            Some(next) => after = Some(next),
            None => return Ok(()),
        }
    }
}

async fn sweep_notice(body: &HostedBody, stub: &NoticeStub) -> Result<(), RowError> {
    let prefix = HostedBody::targets_prefix(stub.id);
    loop {
        let rows = body.scan(&prefix, None, SWEEP_ROWS).await?.rows;
        let content = HostedBody::content_row(stub.id);
        if rows.is_empty() && body.get_row(&content).await?.is_none() {
            return Ok(());
        }
        let mut batch = Batch::new().delete(content).delete(HostedBody::outbox_row(stub));
        for (row, _) in rows {
            batch = batch.delete(row);
        }
        body.apply(batch).await?;
    }
}
