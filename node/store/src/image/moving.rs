//! Moving a body's rows to another partition while they are used.
//!
//! What must hold: writes wait only while the last changes are copied and the rows change hands; before that moment the
//! old place has everything, after it the new one; the old place is marked, durably, before anybody writes to the new.

use std::sync::Arc;
use std::time::Duration;

use super::capture::{Capture, Captured, Pause};
use super::error::ImageError;
use super::importer::Importer;
use super::observed::Observed;
use super::own_rows::{check_whole, filling_row, moved_row};
use crate::batch::Batch;
use crate::engine::EngineKind;
use crate::partition::{MAX_SCAN_ROWS, Partition};
use crate::row::{RowKey, Space};

/// What a move did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moved {
    /// Records copied, rows that changed meanwhile more than once.
    pub records: u64,
    /// For how long writes waited.
    pub pause: Duration,
}

/// Moves all rows to `target` of `engine`, which is empty or was left by a move that broke off, and goes on there. `copied` is told
/// how many records are copied. `commit` makes it durable that the rows are in the new place, when they all are and
/// before anybody writes there: if it fails, everything goes on in the old one.
pub async fn move_rows<C: Future<Output = Result<(), ImageError>>>(
    observed: &Arc<Observed>,
    (target, engine): (Arc<dyn Partition>, EngineKind),
    copied: &(dyn Fn(u64) + Send + Sync),
    commit: impl FnOnce() -> C,
) -> Result<Moved, ImageError> {
    let mut capture = Capture::begin(observed, None).await?;
    let mut importer = Importer::begin(target.clone()).await?;
    let captured = loop {
        while let Some(page) = capture.next().await? {
            importer.take(page.section, page.records).await?;
            copied(importer.records());
        }
        let Some(mut captured) = capture.settle().await? else { continue };
        for page in std::mem::take(&mut captured.last) {
            importer.take(page.section, page.records).await?;
        }
        importer.end_image(None).await?;
        if captured.since.elapsed() < Pause::LIMIT {
            break captured;
        }
        // Too slow: writes go on here, and what is written meanwhile is copied in another round.
        drop(captured);
        capture.again().await?;
    };
    copied(importer.records());
    let records = importer.records();
    let Captured { newest, since, held, .. } = captured;
    importer.finish(None, observed.epoch()).await?;
    if let Err(error) = commit().await {
        // Whoever tries again finds a place that is not whole.
        target.apply(Batch::new().put(filling_row(), Vec::new())).await?;
        return Err(error);
    }
    let old = observed.partition();
    held.go_on_in(target, engine, newest);
    if let Err(error) = old.apply(Batch::new().put(moved_row(), Vec::new())).await {
        // The new place is committed to; nobody in this process writes to the old one any more.
        tracing::warn!(code = error.code(), "the place that rows were moved from is not marked");
    }
    drop(held);
    Ok(Moved { records, pause: since.elapsed() })
}

/// Removes the rows that a move left in its old place, where other nodes look as well; the mark that they were moved
/// stays.
pub async fn empty_old_place(old: &dyn Partition) -> Result<(), ImageError> {
    if !matches!(check_whole(old).await, Err(ImageError::MovedAway)) {
        return Err(ImageError::NotEmpty);
    }
    for space in Space::ALL {
        loop {
            let page = old.scan(&RowKey::new(*space), None, MAX_SCAN_ROWS).await?;
            if page.rows.is_empty() {
                break;
            }
            let batch = page.rows.into_iter().fold(Batch::new(), |batch, (key, _)| batch.delete(key));
            old.apply(batch).await?;
        }
    }
    Ok(())
}
