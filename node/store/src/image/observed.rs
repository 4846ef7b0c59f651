//! A partition that can be copied and moved while it is used: what is written is noted where somebody looks, writes
//! can be held for a moment, and the rows may go on elsewhere.
//!
//! What must hold: a batch is noted before it is queued, so that who waits for everything queued before a point has
//! seen every change that was noted before it; batches that were held take their way in the order of the calls; a
//! version that was read before a move never matches after it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;
use tokio::sync::oneshot;

use super::changes::Changes;
use super::error::ImageError;
use super::own_rows::{self, Restored, check_whole, lineage_row, moved_row, point_row, restored_row};
use crate::batch::{Batch, Precondition};
use crate::engine::EngineKind;
use crate::error::StoreError;
use crate::partition::{BoxFuture, Compacted, Partition, Rows, Usage, Versioned, WriteFault};
use crate::reading::Reading;
use crate::row::RowKey;

/// Batches that may wait while writes are held: fewer than any engine queues.
const MAX_HELD: usize = 512;
/// Bytes of batches that may wait while writes are held.
const MAX_HELD_BYTES: usize = 32 << 20;

type Applying = BoxFuture<Result<(), StoreError>>;

/// A partition, observed.
pub struct Observed {
    place: ArcSwap<Place>,
    state: Mutex<State>,
}

/// Where the rows are now.
struct Place {
    partition: Arc<dyn Partition>,
    engine: EngineKind,
    /// Added to every version that is read: versions of earlier places are at most this.
    offset: u64,
    /// Added to the partition's epoch: epochs of earlier places are at most this.
    before: u64,
}

#[derive(Default)]
struct State {
    changes: Option<Changes>,
    held: Option<Held>,
    /// The rows were given away: nothing is written here any more.
    left: bool,
}

#[derive(Default)]
struct Held {
    batches: VecDeque<(Batch, oneshot::Sender<Applying>)>,
    bytes: usize,
}

impl Observed {
    /// Takes a partition of this engine into use. [`ImageError::Unfinished`] if its rows were not put back to their end,
    /// [`ImageError::MovedAway`] if they were moved.
    pub async fn over(partition: Arc<dyn Partition>, engine: EngineKind) -> Result<Arc<Self>, ImageError> {
        check_whole(&*partition).await?;
        let before = own_rows::epoch_before(&*partition).await?;
        let place = ArcSwap::from_pointee(Place { partition, engine, offset: 0, before });
        Ok(Arc::new(Self { place, state: Mutex::default() }))
    }

    /// The engine that has the rows now.
    pub fn engine(&self) -> EngineKind {
        self.place.load().engine
    }

    /// Whether the rows came from another place: a backup, another engine, another node.
    pub async fn came_from_elsewhere(&self) -> Result<bool, ImageError> {
        Ok(own_rows::read(&*self.partition(), own_rows::epoch_row()).await?.is_some())
    }

    /// What a restore left to be told in the body's log.
    pub async fn restored(&self) -> Result<Option<Restored>, ImageError> {
        let row = own_rows::read(&*self.place.load().partition, restored_row()).await?;
        Ok(row.and_then(|row| Restored::from_bytes(&row.value)))
    }

    /// The body's log has it.
    pub async fn told_of_restore(&self) -> Result<(), ImageError> {
        Ok(self.place.load_full().partition.apply(Batch::new().delete(restored_row())).await?)
    }

    /// Begins to note what is written; one at a time.
    pub(super) fn begin_noting(&self) -> Result<(), ImageError> {
        let mut state = self.state();
        if state.changes.is_some() {
            return Err(ImageError::InProgress);
        }
        state.changes = Some(Changes::default());
        Ok(())
    }

    pub(super) fn end_noting(&self) {
        self.state().changes = None;
    }

    /// How many rows were written since they were last taken.
    pub(super) fn noted(&self) -> usize {
        self.state().changes.as_ref().map_or(0, Changes::len)
    }

    /// The rows written since they were last taken; `None` if they were too many.
    pub(super) fn take_changes(&self) -> Option<Vec<RowKey>> {
        self.state().changes.as_mut().map_or_else(|| Some(Vec::new()), Changes::take)
    }

    pub(super) fn put_back(&self, keys: Vec<RowKey>) {
        if let Some(changes) = self.state().changes.as_mut() {
            changes.put_back(keys);
        }
    }

    /// Resolves, with its version, when every batch that was queued before is durable or refused.
    pub(super) async fn point(&self) -> Result<u64, ImageError> {
        let (applying, place) = {
            // Under the lock: nobody's batch is between its note and its queue.
            let _state = self.state();
            let place = self.place.load_full();
            (place.partition.apply(Batch::new().put(point_row(), Vec::new())), place)
        };
        applying.await?;
        let point = own_rows::read(&*place.partition, point_row()).await?;
        point.map(|point| point.version).ok_or(ImageError::Store(StoreError::Corrupt))
    }

    /// The line that versions are of, made the first time. Versions of another line are not to be compared.
    pub(super) async fn lineage(&self) -> Result<[u8; 16], ImageError> {
        let partition = self.partition();
        if let Some(row) = own_rows::read(&*partition, lineage_row()).await? {
            return row.value.try_into().map_err(|_| ImageError::Store(StoreError::Corrupt));
        }
        let lineage = own_rows::fresh_lineage()?;
        partition.apply(Batch::new().put(lineage_row(), lineage.to_vec())).await?;
        Ok(lineage)
    }

    /// The partition that has the rows now, past everything that this type does.
    pub(super) fn partition(&self) -> Arc<dyn Partition> {
        self.place.load().partition.clone()
    }

    /// Lets batches wait until the guard is dropped. Reads go on.
    pub(super) fn hold(self: &Arc<Self>) -> HeldWrites {
        self.state().held.get_or_insert_default();
        HeldWrites { observed: self.clone() }
    }

    fn release(&self) {
        let mut state = self.state();
        let Some(held) = state.held.take() else { return };
        for (batch, caller) in held.batches {
            let applying: Applying = if state.left {
                Box::pin(async { Err(StoreError::Fenced) })
            } else {
                self.forward(&mut state, batch)
            };
            // A caller that went away does not take its batch back.
            let _ = caller.send(applying);
        }
    }

    fn wait(held: &mut Held, batch: Batch) -> Applying {
        held.bytes = held.bytes.saturating_add(batch.bytes());
        if held.batches.len() >= MAX_HELD || held.bytes > MAX_HELD_BYTES {
            held.bytes = held.bytes.saturating_sub(batch.bytes());
            return Box::pin(async { Err(StoreError::Busy) });
        }
        let (caller, forwarded) = oneshot::channel::<Applying>();
        held.batches.push_back((batch, caller));
        Box::pin(async move {
            match forwarded.await {
                Ok(applying) => applying.await,
                Err(_) => Err(StoreError::Stopped),
            }
        })
    }

    /// Notes and queues a batch; `state` is held meanwhile.
    fn forward(&self, state: &mut State, mut batch: Batch) -> Applying {
        if let Some(changes) = &mut state.changes {
            changes.note(&batch);
        }
        let place = self.place.load();
        if place.offset > 0 {
            translate(&mut batch, place.offset);
        }
        place.partition.apply(batch)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Versions as the partition knows them; one of an earlier place becomes one that no row has.
fn translate(batch: &mut Batch, offset: u64) {
    for precondition in &mut batch.preconditions {
        if let Precondition::Version(_, version) = precondition {
            *version = version.saturating_sub(offset);
        }
    }
}

/// Writes are held for as long as this lives.
pub struct HeldWrites {
    observed: Arc<Observed>,
}

impl HeldWrites {
    /// From now on the rows are in `partition` of `engine`, which has them all; `newest` is the newest version that anybody can
    /// have read.
    pub(super) fn go_on_in(&self, partition: Arc<dyn Partition>, engine: EngineKind, newest: u64) {
        let (offset, before) = {
            let place = self.observed.place.load();
            (place.offset.saturating_add(newest), self.observed.epoch())
        };
        self.observed.place.store(Arc::new(Place { partition, engine, offset, before }));
    }
}

impl HeldWrites {
    /// Nobody knows who has the rows until they were opened anew: whoever waits, and whoever comes, is told that another
    /// one owns them.
    pub(super) fn abandon(self) {
        self.observed.state().left = true;
    }

    /// Gives the rows away, durably: nobody writes here any more, in this process or a later one, and whoever waits is
    /// told that another one owns them.
    pub async fn leave(self) -> Result<(), ImageError> {
        self.observed.partition().apply(Batch::new().put(moved_row(), Vec::new())).await?;
        self.observed.state().left = true;
        Ok(())
    }
}

impl Drop for HeldWrites {
    fn drop(&mut self) {
        self.observed.release();
    }
}

fn shifted<T: Send + 'static>(
    reading: Reading<T>,
    offset: u64,
    each: impl Fn(&mut T, u64) + Send + 'static,
) -> Reading<T> {
    if offset == 0 {
        return reading;
    }
    Reading::later(async move {
        let mut answer = reading.await?;
        each(&mut answer, offset);
        Ok(answer)
    })
}

fn shift(row: &mut Versioned, offset: u64) {
    row.version = row.version.saturating_add(offset);
}

impl Partition for Observed {
    fn get_many(&self, keys: &[RowKey]) -> Reading<Vec<Option<Versioned>>> {
        let place = self.place.load();
        shifted(place.partition.get_many(keys), place.offset, |rows, offset| {
            rows.iter_mut().flatten().for_each(|row| shift(row, offset));
        })
    }

    fn scan(&self, prefix: &RowKey, after: Option<&RowKey>, limit: usize) -> Reading<Rows> {
        let place = self.place.load();
        shifted(place.partition.scan(prefix, after, limit), place.offset, |page, offset| {
            page.rows.iter_mut().for_each(|(_, row)| shift(row, offset));
        })
    }

    fn apply(&self, batch: Batch) -> BoxFuture<Result<(), StoreError>> {
        let mut state = self.state();
        if state.left {
            return Box::pin(async { Err(StoreError::Fenced) });
        }
        match &mut state.held {
            Some(held) => Self::wait(held, batch),
            None => self.forward(&mut state, batch),
        }
    }

    fn count(&self, prefix: &RowKey) -> Reading<u64> {
        self.place.load().partition.count(prefix)
    }

    fn usage(&self) -> Reading<Usage> {
        self.place.load().partition.usage()
    }

    fn compact(&self) -> BoxFuture<Result<Compacted, StoreError>> {
        self.place.load().partition.compact()
    }

    fn epoch(&self) -> u64 {
        let place = self.place.load();
        place.before.saturating_add(place.partition.epoch())
    }

    fn fault(&self) -> Option<WriteFault> {
        if self.state().left {
            return Some(WriteFault::Fenced);
        }
        self.place.load().partition.fault()
    }

    fn recover(&self) -> BoxFuture<Option<WriteFault>> {
        self.place.load().partition.recover()
    }
}
