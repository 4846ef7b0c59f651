//! Moving a body's rows to another partition while they are used, and with them what else is kept with rows.
//!
//! What must hold: writes wait only while the last changes are copied and the rows change hands; before that moment the
//! old place has everything, after it the new one. Where other nodes look into the old place as well, its mark is that
//! moment; where they look into the new one, it does not say that it is whole before.

use std::sync::Arc;
use std::time::Duration;

use super::capture::{Capture, Captured, Pause};
use super::error::ImageError;
use super::importer::Importer;
use super::observed::Observed;
use super::own_rows::{check_whole, filling_row, moved_row, read};
use crate::batch::Batch;
use crate::engine::EngineKind;
use crate::partition::{MAX_SCAN_ROWS, Partition};
use crate::row::{RowKey, Space};

/// How often what goes along is caught up with before writes are held although much of it is new.
const CATCHING_UP: u32 = 16;

/// What a move did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moved {
    /// Records copied, rows that changed meanwhile more than once.
    pub records: u64,
    /// For how long writes waited.
    pub pause: Duration,
    /// Of it, how long it took to make the change of hands durable.
    pub commit: Duration,
}

/// Why a move was not committed.
#[derive(Debug)]
pub enum Uncommitted {
    /// The rows are in the old place.
    Not(ImageError),
    /// They may be in the new one: that is found out when the body is opened anew.
    Unknown(ImageError),
}

/// What goes along with the rows, and what makes their move durable.
pub trait Along: Send {
    /// Keeps what goes along from being written. Dropped, it is written on where it was.
    type Held: Send;

    /// Copies what is new, while it is written; whether it was much.
    fn catch_up(&mut self) -> impl Future<Output = Result<bool, ImageError>> + Send;

    /// Lets whoever writes it wait. Quick.
    fn hold(&mut self) -> Self::Held;

    /// Copies the rest of what was held, durably. Done to its end even where writing goes on before: then it is called
    /// again after another hold.
    fn copy_rest(&mut self) -> impl Future<Output = Result<(), ImageError>> + Send;

    /// Makes it durable that everything is in the new place, when it is and before anybody writes there.
    fn commit(&mut self) -> impl Future<Output = Result<(), Uncommitted>> + Send;

    /// After the commit: what was held is written on in the new place.
    fn go_on_there(&mut self, held: Self::Held);

    /// After a commit of unknown outcome: what was held is written nowhere.
    fn abandon(&mut self, held: Self::Held);
}

/// Rows that nothing goes along with.
pub struct RowsAlone<F>(pub F);

impl<F, C> Along for RowsAlone<F>
where
    F: FnMut() -> C + Send,
    C: Future<Output = Result<(), ImageError>> + Send,
{
    type Held = ();

    async fn catch_up(&mut self) -> Result<bool, ImageError> {
        Ok(false)
    }

    fn hold(&mut self) {}

    async fn copy_rest(&mut self) -> Result<(), ImageError> {
        Ok(())
    }

    async fn commit(&mut self) -> Result<(), Uncommitted> {
        (self.0)().await.map_err(Uncommitted::Not)
    }

    fn go_on_there(&mut self, (): ()) {}

    fn abandon(&mut self, (): ()) {}
}

/// Moves all rows to `target` of `engine`, which is empty or was left by a move that broke off, and goes on there. `copied`
/// is told how many records are copied. If the move is not committed, everything goes on in the old place.
pub async fn move_rows<A: Along>(
    observed: &Arc<Observed>,
    (target, engine): (Arc<dyn Partition>, EngineKind),
    copied: &(dyn Fn(u64) + Send + Sync),
    along: &mut A,
) -> Result<Moved, ImageError> {
    let mut capture = Capture::begin(observed, None).await?;
    take_back(&*target).await?;
    let mut importer = Importer::begin(target.clone()).await?;
    importer.begin_line(observed.epoch()).await?;
    let (captured, held) = loop {
        copy_pages(&mut capture, &mut importer, copied).await?;
        for _ in 0..CATCHING_UP {
            if !along.catch_up().await? {
                break;
            }
            copy_pages(&mut capture, &mut importer, copied).await?;
        }
        let Some(mut captured) = capture.settle().await? else { continue };
        let (last, since) = (std::mem::take(&mut captured.last), captured.since);
        let held = along.hold();
        let copying = async {
            let rows = async {
                for page in last {
                    importer.take(page.section, page.records).await?;
                }
                importer.end_image(None).await
            };
            let (rows, rest) = tokio::join!(rows, along.copy_rest());
            rows.and(rest)
        };
        let mut copying = std::pin::pin!(copying);
        match tokio::time::timeout(Pause::LIMIT.saturating_sub(since.elapsed()), &mut copying).await {
            Ok(done) => {
                done?;
                break (captured, held);
            }
            // Too slow: writes go on here, and what is written meanwhile is copied in another round.
            Err(_) => {
                drop((captured, held));
                copying.await?;
                capture.again().await?;
            }
        }
    };
    let records = importer.records();
    copied(records);
    let Captured { newest, since, held: rows, .. } = captured;
    let copied_in = since.elapsed();
    match along.commit().await {
        Ok(()) => {}
        Err(Uncommitted::Not(error)) => return Err(error),
        Err(Uncommitted::Unknown(error)) => {
            along.abandon(held);
            rows.abandon();
            return Err(error);
        }
    }
    let old = observed.partition();
    rows.go_on_in(target.clone(), engine, newest);
    along.go_on_there(held);
    drop(rows);
    let pause = since.elapsed();
    // The new place is committed to, and whoever opens it next does the rest as well.
    if let Err(error) = arrived(&*target).await {
        tracing::warn!(
            code = error.code(),
            "the place that rows were moved to does not say yet that it is whole"
        );
    }
    if let Err(error) = give_away(&*old).await {
        tracing::warn!(code = error.code(), "the place that rows were moved from is not marked");
    }
    Ok(Moved { records, pause, commit: pause.saturating_sub(copied_in) })
}

async fn copy_pages(
    capture: &mut Capture,
    importer: &mut Importer,
    copied: &(dyn Fn(u64) + Send + Sync),
) -> Result<(), ImageError> {
    while let Some(page) = capture.next().await? {
        importer.take(page.section, page.records).await?;
        copied(importer.records());
    }
    Ok(())
}

/// Marks a place whose rows are elsewhere from now on, durably: nobody writes there under any epoch.
pub async fn give_away(old: &dyn Partition) -> Result<(), ImageError> {
    Ok(old.apply(Batch::new().put(moved_row(), Vec::new())).await?)
}

/// Rows that were given away come back to where they were: the place is to be filled, in the step that takes the mark off.
async fn take_back(target: &dyn Partition) -> Result<(), ImageError> {
    if given_away(target).await? {
        target.apply(Batch::new().put(filling_row(), Vec::new()).delete(moved_row())).await?;
    }
    Ok(())
}

/// Whether a place was marked so.
pub async fn given_away(old: &dyn Partition) -> Result<bool, ImageError> {
    Ok(read(old, moved_row()).await?.is_some())
}

/// The place that rows were moved to says that it is whole, once it is known that they are there.
pub async fn arrived(target: &dyn Partition) -> Result<(), ImageError> {
    if read(target, filling_row()).await?.is_some() {
        target.apply(Batch::new().delete(filling_row())).await?;
    }
    Ok(())
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
