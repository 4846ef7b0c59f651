//! Removal of rows that nobody can open any more, and of the space they took. Takes its time: in small batches, at the
//! node's pace; what it leaves at a stop is swept later.

use std::time::Duration;

use chukei_store::{Batch, RowKey};

use super::index;
use crate::access::grant::{Grant, Write};
use crate::app::Node;
use crate::hosted::HostedBody;
use crate::hosted::rows::RowError;

/// Rows removed in one batch.
pub(crate) const SWEEP_ROWS: usize = 250;
/// Free space below which a file is left as it is, bytes.
const WORTH: u64 = 1 << 20;
/// Rows that a step of compaction counts as.
const STEP_ROWS: usize = 250;

/// What removal waits for between its batches.
pub(crate) trait Turns: Sync {
    /// Waits for the turn of a batch of `rows`; false when the node stops.
    async fn turn(&self, rows: usize) -> bool;
    /// Rows were removed.
    fn swept(&self, rows: usize);
    /// Space was given back, bytes.
    fn given_back(&self, bytes: u64);
}

impl Turns for Node {
    async fn turn(&self, rows: usize) -> bool {
        let busy = self.metrics.in_flight.get() > 0;
        let wait = self.sweeping.book(rows, busy).await;
        if wait.is_zero() {
            !self.is_draining()
        } else {
            self.sleep(wait.max(Duration::from_millis(1))).await
        }
    }

    fn swept(&self, rows: usize) {
        self.metrics.rows_swept.inc_by(rows as u64);
    }

    fn given_back(&self, bytes: u64) {
        self.metrics.bytes_given_back.inc_by(bytes);
    }
}

/// Removes what can no longer be opened: every notice whose last day is before `today`, but its stub. Tells whether
/// nothing is left.
pub(super) async fn sweep(grant: &Grant<Write>, turns: &impl Turns, today: u32) -> Result<bool, RowError> {
    let body = grant.body();
    index::ensure(body).await?;
    while let Some((row, notice)) = index::next_ended(body, today).await? {
        let prefix = HostedBody::targets_prefix(notice);
        loop {
            let rows = body.scan(&prefix, None, SWEEP_ROWS).await?.rows;
            if !turns.turn(rows.len().max(1)).await {
                return Ok(false);
            }
            if rows.is_empty() {
                break;
            }
            remove(body, turns, rows.into_iter().map(|(row, _)| row)).await?;
        }
        let mut last = vec![HostedBody::content_row(notice), row];
        if let Some(stub) = body.notice_stub(grant, notice).await? {
            last.push(HostedBody::outbox_row(&stub));
        }
        remove(body, turns, last.into_iter()).await?;
    }
    Ok(true)
}

async fn remove(
    body: &HostedBody,
    turns: &impl Turns,
    rows: impl ExactSizeIterator<Item = RowKey>,
) -> Result<(), RowError> {
    let count = rows.len();
    body.apply(rows.fold(Batch::new(), Batch::delete)).await?;
    turns.swept(count);
    Ok(())
}

/// Gives the space of removed rows back to the disk, step by step, while the body serves on.
pub(crate) async fn compact(body: &HostedBody, turns: &impl Turns) -> Result<(), RowError> {
    if body.partition().usage().await?.reclaimable < WORTH {
        return Ok(());
    }
    while turns.turn(STEP_ROWS).await {
        let step = body.partition().compact().await?;
        turns.given_back(step.bytes);
        if !step.more {
            return Ok(());
        }
    }
    Ok(())
}
