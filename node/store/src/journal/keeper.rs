//! The thread that keeps the journal in order behind the one that writes it: begins the next segment ahead and makes it quick
//! to write to, sums up segments that are full, derives the logs and removes what was derived.
//!
//! Nothing that is acknowledged depends on it: where it fails, the journal only grows, and it tries again. Where it is not
//! known which checkpoint lies on the disk, nothing is taken until it has stored one.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use super::error::JournalError;
use super::segment;
use super::summary;
use super::writer::Spare;
use super::{Shared, hold, recover};

/// How long it waits after a failure.
const RETRY: Duration = Duration::from_secs(2);
/// Zeros that are written and synced at a time: what a sync of the journal may have to wait for.
const ZEROS_BYTES: u64 = 1 << 20;

/// What the keeper is told.
#[derive(Default)]
pub(super) struct Keeper {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    due: bool,
    zeros: Option<u64>,
    stopped: bool,
}

impl Keeper {
    /// There may be something to do.
    pub(super) fn wake(&self) {
        hold(&self.state).due = true;
        self.changed.notify_all();
    }

    /// This segment, the next, is soon written to in many small blocks.
    pub(super) fn zeros_are_worth_it(&self, next: u64) {
        hold(&self.state).zeros = Some(next);
        self.wake();
    }

    fn wants_zeros(&self) -> Option<u64> {
        hold(&self.state).zeros
    }

    /// The journal is being closed.
    pub(super) fn stop(&self) {
        hold(&self.state).stopped = true;
        self.changed.notify_all();
    }

    fn stopped(&self) -> bool {
        hold(&self.state).stopped
    }

    /// Waits so long, or until the journal is closed.
    pub(super) fn stopped_within(&self, time: Duration) -> bool {
        let state = hold(&self.state);
        let waited = self.changed.wait_timeout_while(state, time, |state| !state.stopped);
        waited.unwrap_or_else(PoisonError::into_inner).0.stopped
    }

    /// Waits until there may be something to do; `false` once the journal is closed.
    fn next(&self) -> bool {
        let state = hold(&self.state);
        let waited = self.changed.wait_while(state, |state| !state.due && !state.stopped);
        let mut state = waited.unwrap_or_else(PoisonError::into_inner);
        state.due = false;
        !state.stopped
    }
}

/// Works until the journal is closed.
pub(super) fn run(shared: &Arc<Shared>) {
    if let Err(error) = shared.sweep_logs() {
        tracing::warn!(code = error.code(), cause = %error, "old files of logs remain");
    }
    while shared.keeper.next() {
        while let Err(error) = in_order(shared) {
            tracing::warn!(code = error.code(), cause = %error, "the journal grows");
            if shared.keeper.stopped_within(RETRY) {
                return;
            }
        }
    }
}

fn in_order(shared: &Shared) -> Result<(), JournalError> {
    shared.settle(&hold(&shared.logs))?;
    loop {
        let begun = begin_ahead(shared);
        let zeroed = zero_ahead(shared);
        sum_up(shared)?;
        // Where there was no space for another segment, it removes some.
        let waits = if begun.is_ok() { 1 } else { 4 };
        let due =
            hold(&shared.index).closed().count() >= shared.options.derive_segments.div_ceil(waits).max(1);
        if !due || shared.keeper.stopped() {
            return begun.and(zeroed);
        }
        shared.derive()?;
    }
}

/// Reserves the space of the next segment, so that a full disk is noticed while there is still space to write.
fn begin_ahead(shared: &Shared) -> Result<(), JournalError> {
    let mut spare = hold(&shared.spare);
    let Some(newest) = hold(&shared.index).newest() else { return Ok(()) };
    if spare.is_none() {
        let (number, capacity) = (newest + 1, shared.options.segment_bytes);
        let file = segment::create(&shared.dir, number, capacity, &*shared.medium)?;
        *spare = Some(Spare { number, file, capacity, zeroed: segment::HEADER_BYTES });
    }
    Ok(())
}

/// Writes zeros to the next segment, when it is soon written to: before, it may never be.
fn zero_ahead(shared: &Shared) -> Result<(), JournalError> {
    while let Some(wanted) = shared.keeper.wants_zeros()
        && !shared.keeper.stopped()
    {
        let mut spare = hold(&shared.spare);
        let Some(next) = spare.as_mut().filter(|next| next.number == wanted && next.zeroed < next.capacity)
        else {
            hold(&shared.keeper.state).zeros.take_if(|zeros| *zeros == wanted);
            continue;
        };
        let end = next.capacity.min(next.zeroed + ZEROS_BYTES);
        // While the writer cannot take it.
        segment::write_zeros(&next.file, next.zeroed..end, &*shared.medium)?;
        next.zeroed = end;
        // Not through the writer's own: who syncs first through that one is told of what could not be written, once.
        let file = segment::open(&shared.dir, wanted)?;
        drop(spare);
        shared.medium.sync(&file)?;
    }
    Ok(())
}

/// Writes the summaries of the segments that take no more blocks.
fn sum_up(shared: &Shared) -> Result<(), JournalError> {
    let _alone = hold(&shared.logs);
    let closed: Vec<_> = hold(&shared.index).closed().collect();
    for closed in closed {
        if !summary::path(&shared.dir, closed.number).try_exists()? {
            recover::summarise(&shared.dir, closed)?.store(&shared.dir, &*shared.medium)?;
        }
    }
    Ok(())
}
