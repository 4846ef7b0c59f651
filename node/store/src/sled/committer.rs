//! One sled batch and one real sync per group of batches, and what follows when that fails.
//!
//! What must hold: after a failure of sled or of a sync, which may leave a group half in memory, nothing is
//! acknowledged until the directory was opened anew from what the disk has. Readers go on seeing what stood before
//! that group.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::failure::{contained, fault_of, store_error};
use super::group::{Group, Prepared};
use super::layout::{Leftover, State, epoch_key, number, state_key};
use super::live::{Hidden, Live, Met};
use super::opened::{Found, Opened};
use super::shared::{Applying, Shared};
use crate::batch::Batch;
use crate::error::StoreError;
use crate::partition::WriteFault;

/// Parts of rows that are gone which are removed at a time.
const PARTS_PER_STEP: usize = 2048;
/// Steps in which a body is read through before it is handed out; what is larger is read on when there is time.
const STEPS_AT_OPENING: usize = 8;

pub(super) struct Committer {
    shared: Arc<Shared>,
    opened: Option<Opened>,
    epoch: u64,
    state: State,
    leftovers: VecDeque<Leftover>,
    /// Whether memory and disk may differ in more than what sled knows of.
    suspect: bool,
    /// Where the walk through all items has come to.
    touching: Option<sled::IVec>,
    /// What it has met, and the version at which it began.
    touched: (Met, u64),
}

impl Committer {
    /// Opens the partition under a new lease.
    pub(super) fn open(shared: Arc<Shared>) -> Result<Self, StoreError> {
        let (opened, found) = Opened::open(&shared.directory, shared.cache_bytes, None)?;
        let mut committer = Self {
            shared,
            opened: None,
            epoch: found.epoch,
            state: found.state,
            leftovers: VecDeque::new(),
            suspect: false,
            touching: None,
            touched: (Met::default(), 0),
        };
        let live = committer.take_over(opened, found);
        *committer.shared.live_mut() = Some(live);
        let mut steps = 0;
        while steps < STEPS_AT_OPENING
            && contained(|| committer.touch()).inspect_err(|_| committer.close())?
        {
            steps += 1;
        }
        Ok(committer)
    }

    pub(super) fn epoch(&self) -> u64 {
        self.epoch
    }

    /// What readers are to see of it.
    fn take_over(&mut self, opened: Opened, found: Found) -> Live {
        self.state = found.state;
        self.leftovers = found.leftovers.into();
        self.suspect = false;
        self.touching = None;
        self.touched = (Met::default(), self.state.version);
        self.shared.touched.store(false, Ordering::Release);
        self.shared.failing.store(false, Ordering::Release);
        let live = Live::new(opened.db.clone());
        self.opened = Some(opened);
        self.measure();
        live
    }

    /// Writes a group; says of each batch whether its preconditions held. A failure is that of all of them.
    pub(super) fn commit(&mut self, batches: &[Batch]) -> Result<Vec<bool>, StoreError> {
        if self.suspect || self.opened.is_none() || self.shared.failing.load(Ordering::Acquire) {
            return Err(StoreError::Stopped);
        }
        match self.shared.fault() {
            Some(WriteFault::Corrupt) => return Err(StoreError::Corrupt),
            Some(WriteFault::Fenced) => return Err(StoreError::Fenced),
            _ => {}
        }
        let outcome = contained(|| self.write(batches));
        match &outcome {
            Ok(_) => self.shared.set_fault(None),
            // What it was is known already.
            Err(StoreError::Stopped) => {}
            Err(error) => {
                tracing::warn!(code = error.code(), cause = %error, "batches were refused");
                self.shared.set_fault(Some(fault_of(error)));
            }
        }
        outcome
    }

    fn write(&mut self, batches: &[Batch]) -> Result<Vec<bool>, StoreError> {
        let opened = self.opened.as_ref().ok_or(StoreError::Stopped)?;
        if opened.gated.failed() {
            return Err(self.stop(StoreError::Io(std::io::Error::other("a sync failed"))));
        }
        self.check_lease(opened)?;
        let mut group = Group::new(&opened.db, self.state);
        let held = batches.iter().map(|batch| group.add(batch)).collect::<Result<Vec<_>, _>>()?;
        let Some(mut prepared) = group.prepare()? else { return Ok(held) };
        self.shared.directory.check_room(prepared.bytes)?;
        self.remove_leftovers(&mut prepared.batch);
        let Prepared { batch, hidden, leftovers, state, .. } = prepared;
        self.hide(hidden);
        match contained(|| self.make_durable(batch)) {
            Ok(()) => {
                self.state = state;
                self.leftovers.extend(leftovers);
                self.hide(Hidden::new());
                self.measure();
                Ok(held)
            }
            Err(error) => Err(self.stop(error)),
        }
    }

    fn check_lease(&self, opened: &Opened) -> Result<(), StoreError> {
        let stored = opened.db.get(epoch_key()).map_err(store_error)?;
        match stored.as_deref().and_then(number) {
            Some(epoch) if epoch == self.epoch => Ok(()),
            Some(_) => Err(StoreError::Fenced),
            None => Err(StoreError::Corrupt),
        }
    }

    /// What readers do not see any more, or do not see yet.
    fn hide(&self, hidden: Hidden) {
        if let Some(live) = self.shared.live_mut().as_mut() {
            live.hidden = hidden;
        }
    }

    fn make_durable(&self, batch: sled::Batch) -> Result<(), StoreError> {
        let opened = self.opened.as_ref().ok_or(StoreError::Stopped)?;
        let applying = Applying::now();
        opened.db.apply_batch(batch).map_err(store_error)?;
        drop(applying);
        opened.file.commit(&opened.db)?;
        if self.shared.directory.has_blobs()? {
            return Err(StoreError::Io(std::io::Error::other("sled made a file that it does not sync")));
        }
        Ok(())
    }

    /// After a failure of unknown outcome.
    fn stop(&mut self, error: StoreError) -> StoreError {
        tracing::error!(code = error.code(), cause = %error, "partition stopped after a failed commit");
        self.suspect = true;
        self.shared.directory.suspect();
        self.shared.set_fault(Some(fault_of(&error)));
        StoreError::Stopped
    }

    fn remove_leftovers(&mut self, batch: &mut sled::Batch) {
        let mut parts = 0;
        while parts < PARTS_PER_STEP
            && let Some(leftover) = self.leftovers.pop_front()
        {
            leftover.part_keys().for_each(|key| batch.remove(key));
            batch.remove(leftover.key());
            parts += usize::from(leftover.parts);
        }
    }

    /// A small step of what can wait; whether there is more of it.
    pub(super) fn tidy(&mut self) -> bool {
        if self.suspect || self.shared.fault().is_some() {
            return false;
        }
        let outcome = contained(|| {
            if !self.leftovers.is_empty() {
                let mut batch = sled::Batch::default();
                self.remove_leftovers(&mut batch);
                let opened = self.opened.as_ref().ok_or(StoreError::Stopped)?;
                let _applying = Applying::now();
                // Durable with the next group, which is soon enough: nothing reads these items.
                return opened.db.apply_batch(batch).map_err(store_error).map(|()| true);
            }
            self.touch()
        });
        outcome.unwrap_or_else(|error| {
            tracing::warn!(code = error.code(), cause = %error, "housekeeping failed");
            self.shared.set_fault(Some(fault_of(&error)));
            false
        })
    }

    /// Brings a step of items into the cache, if all of them have room in it.
    fn touch(&mut self) -> Result<bool, StoreError> {
        if self.shared.touched.load(Ordering::Acquire) || !self.shared.fits_cache() {
            return Ok(false);
        }
        let after = self.touching.take();
        let live = self.shared.live();
        self.touching = live.as_ref().ok_or(StoreError::Stopped)?.touch(after, &mut self.touched.0)?;
        if self.touching.is_some() {
            return Ok(true);
        }
        self.check_digest()?;
        self.shared.touched.store(true, Ordering::Release);
        Ok(false)
    }

    /// Whether the rows that were met are all that there must be. sled takes what it finds damaged in the newer part of
    /// its log for never written, and opens without it.
    fn check_digest(&self) -> Result<(), StoreError> {
        let (met, version) = self.touched;
        if version == self.state.version && (met.digest != self.state.digest || !met.all_parts()) {
            tracing::error!("sled has lost rows");
            return Err(StoreError::Corrupt);
        }
        Ok(())
    }

    fn measure(&self) {
        self.shared.live_bytes.store(self.state.live_bytes, Ordering::Relaxed);
        if let Ok(log) = std::fs::metadata(self.shared.directory.log()) {
            self.shared.log_bytes.store(log.len(), Ordering::Relaxed);
        }
    }

    /// Tries whether what was the matter is over; what is true afterwards.
    pub(super) fn recover(&mut self) -> Option<WriteFault> {
        let fault = self.shared.fault()?;
        if fault == WriteFault::Fenced {
            return Some(fault);
        }
        let recovered = contained(|| {
            self.shared.directory.check_room(0)?;
            let failing = self.shared.failing.load(Ordering::Acquire);
            if self.suspect || failing || self.opened.is_none() || fault == WriteFault::Corrupt {
                self.reopen()?;
            }
            if fault == WriteFault::Corrupt {
                self.read_all()?;
            }
            self.probe()
        });
        let fault = match recovered {
            Ok(()) => None,
            // Told where it was found out.
            Err(StoreError::Stopped) => self.shared.fault().or(Some(WriteFault::Disk)),
            Err(error) => {
                tracing::warn!(code = error.code(), cause = %error, "partition did not recover");
                Some(fault_of(&error))
            }
        };
        self.shared.set_fault(fault);
        fault
    }

    fn reopen(&mut self) -> Result<(), StoreError> {
        let shared = Arc::clone(&self.shared);
        // Held until it is open: who reads meanwhile waits, away from the caller's thread.
        let mut live = shared.live_mut();
        *live = None;
        if let Some(opened) = self.opened.take() {
            opened.close();
        }
        let (opened, found) = Opened::open(&shared.directory, shared.cache_bytes, Some(self.epoch))?;
        *live = Some(self.take_over(opened, found));
        Ok(())
    }

    /// Reads every item, as a proof that none is damaged.
    fn read_all(&mut self) -> Result<(), StoreError> {
        self.touched = (Met::default(), self.state.version);
        let live = self.shared.live();
        let live = live.as_ref().ok_or(StoreError::Stopped)?;
        let mut after = live.touch(None, &mut self.touched.0)?;
        while after.is_some() {
            after = live.touch(after, &mut self.touched.0)?;
        }
        self.check_digest()
    }

    /// A small durable write.
    fn probe(&mut self) -> Result<(), StoreError> {
        self.state.version += 1;
        let mut batch = sled::Batch::default();
        batch.insert(state_key(), self.state.encode());
        contained(|| self.make_durable(batch)).map_err(|error| self.stop(error))
    }

    /// Lets go of sled and of its file.
    pub(super) fn close(&mut self) {
        *self.shared.live_mut() = None;
        if let Some(opened) = self.opened.take() {
            opened.close();
        }
    }
}
