//! The copies that this broker holds for others.
//!
//! What must hold: one batch of an owner at a time, and the next one begins once this one is durable or has failed, also
//! where the stream that brought it is gone by then; what is held already is skipped, what leaves something out, or would take
//! the place of another copy, is refused.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use chukei_store::GivenUp;
use chukei_store::journal::{Entry, Journal, JournalError};
use chukei_wire::limits::{COPIES_MAX, COPY_MAX};
use chukei_wire::message::copies::{CopiedEntry, CopiesHeld, CopyBatch, CopyKept, CopyOf, HeldEnd};

use super::ends::{self, End};
use super::places;

/// Why copies are not taken.
#[derive(Debug, thiserror::Error)]
pub(in crate::broker) enum NotHeld {
    /// They leave something out, are too many, or are not in order.
    #[error("copies that are not in order")]
    NotInOrder,
    /// One of them is another than the copy of its number that is held.
    #[error("another copy of entry {0} is held")]
    Differs(u64),
    /// This broker's journal refused or failed.
    #[error("journal: {}", .0.code())]
    Journal(#[from] JournalError),
    /// The work broke off.
    #[error("the work broke off")]
    Broken,
}

/// Ends of one owner's copies, by kind; `None` until they are read.
type Ends = Arc<tokio::sync::Mutex<[Option<End>; 3]>>;

/// Everything that is held.
pub(in crate::broker) struct Holder {
    journal: Arc<Journal>,
    owners: Mutex<HashMap<String, Ends>>,
}

fn index(of: CopyOf) -> usize {
    match of {
        CopyOf::Records => 0,
        CopyOf::Permits => 1,
        CopyOf::Witness => 2,
    }
}

impl Holder {
    pub(in crate::broker) fn new(journal: Arc<Journal>) -> Self {
        Self { journal, owners: Mutex::default() }
    }

    /// How far the copies of a broker go. Its name is one of the configuration's, which bounds them.
    pub(super) async fn held(&self, owner: &str) -> Result<CopiesHeld, NotHeld> {
        let ends = self.ends(owner);
        let mut ends = ends.lock().await;
        let mut told = [HeldEnd::default(); 3];
        for (of, told) in CopyOf::ALL.into_iter().zip(&mut told) {
            *told = self.end(owner, of, &mut ends).await?.told();
        }
        Ok(CopiesHeld { ends: told })
    }

    /// Takes a batch; returns once it is durable.
    pub(super) async fn take(self: &Arc<Self>, owner: &str, batch: CopyBatch) -> Result<CopyKept, NotHeld> {
        let ends = self.ends(owner).lock_owned().await;
        let (holder, owner) = (self.clone(), owner.to_owned());
        // It is settled also where nobody waits for it any more: whoever comes next finds it so.
        let taking = tokio::spawn(async move {
            let mut ends = ends;
            let taken = holder.put(&owner, batch, &mut ends).await;
            if taken.is_err() {
                *ends = [None; 3];
            }
            taken
        });
        taking.await.map_err(|_| NotHeld::Broken)?
    }

    async fn put(
        &self,
        owner: &str,
        batch: CopyBatch,
        ends: &mut [Option<End>; 3],
    ) -> Result<CopyKept, NotHeld> {
        let CopyBatch { of, first, entries } = batch;
        let mut end = self.end(owner, of, ends).await?;
        check(&entries)?;
        if let Some(again) = entries.iter().find(|entry| entry.number == end.last)
            && ends::end(again)? != end.told()
        {
            return Err(NotHeld::Differs(again.number));
        }
        let partition = places::copies(owner, of);
        let fresh: Vec<_> = entries.into_iter().filter(|entry| entry.number > end.last).collect();
        if let Some(next) = fresh.first().filter(|_| end.last > 0)
            && next.number != end.last + 1
        {
            // What lies between was given up by its owner, and so is what stands before it.
            if first < next.number {
                return Err(NotHeld::NotInOrder);
            }
            self.give_up(&partition, end.seq + 1).await?;
        }
        let mut appending = Vec::with_capacity(fresh.len());
        for entry in &fresh {
            let (at_ms, sealed) = (entry.at_ms, ends::held(entry)?);
            let partition = partition.clone();
            appending.push(self.journal.append(Entry {
                partition,
                kind: ends::KIND,
                at_ms,
                replay: None,
                sealed,
            }));
        }
        for appending in appending {
            end.seq = appending.await?;
        }
        if let Some(last) = fresh.last() {
            let HeldEnd { last, hash } = ends::end(last)?;
            end = End { last, hash, ..end };
        }
        let (kept_from, _) = self.journal.first_number(&partition);
        let keeps = end.seq_of(first.min(end.last.saturating_add(1)));
        if end.last > 0 && keeps > kept_from {
            self.give_up(&partition, keeps).await?;
        }
        if let Some(known) = ends.get_mut(index(of)) {
            *known = Some(end);
        }
        Ok(CopyKept { of, last: end.last })
    }

    /// Copies of a broker from its number `from` on, as many as one message has. Blocking.
    pub(super) fn bring(&self, owner: &str, of: CopyOf, from: u64) -> Result<CopyBatch, JournalError> {
        let partition = places::copies(owner, of);
        let end = End::read(&self.journal, &partition)?;
        let kept_from = self.journal.first_number(&partition).0;
        let mut batch = CopyBatch { of, first: 0, entries: Vec::new() };
        let mut bytes = 0;
        for entry in self.journal.read(&partition, end.seq_of(from).max(kept_from)) {
            let entry = entry?;
            if entry.seq > end.seq || batch.entries.len() == COPIES_MAX {
                break;
            }
            let copy = ends::copy(&entry)?;
            bytes += copy.sealed.len();
            if bytes > COPY_MAX && !batch.entries.is_empty() {
                break;
            }
            batch.entries.push(copy);
        }
        batch.first = batch.entries.first().map_or(0, |entry| entry.number);
        Ok(batch)
    }

    async fn give_up(&self, partition: &str, before: u64) -> Result<(), NotHeld> {
        let (journal, partition) = (self.journal.clone(), partition.to_owned());
        let giving_up = tokio::task::spawn_blocking(move || {
            journal.forget_before(&partition, before, GivenUp::Retention)
        });
        Ok(giving_up.await.map_err(|_| NotHeld::Broken)??)
    }

    /// The end of copies, read where it is not known.
    async fn end(&self, owner: &str, of: CopyOf, ends: &mut [Option<End>; 3]) -> Result<End, NotHeld> {
        if let Some(Some(end)) = ends.get(index(of)) {
            return Ok(*end);
        }
        let (journal, partition) = (self.journal.clone(), places::copies(owner, of));
        let reading = tokio::task::spawn_blocking(move || End::read(&journal, &partition));
        let end = reading.await.map_err(|_| NotHeld::Broken)??;
        if let Some(known) = ends.get_mut(index(of)) {
            *known = Some(end);
        }
        Ok(end)
    }

    fn ends(&self, owner: &str) -> Ends {
        let mut owners = self.owners.lock().unwrap_or_else(PoisonError::into_inner);
        owners.entry(owner.to_owned()).or_default().clone()
    }
}

/// Numbers follow each other, and nothing is longer than it may be.
fn check(entries: &[CopiedEntry]) -> Result<(), NotHeld> {
    let in_order = entries.windows(2).all(|pair| match pair {
        [one, next] => one.number.checked_add(1) == Some(next.number),
        _ => false,
    });
    let begins = entries.first().is_none_or(|entry| entry.number > 0);
    let bounded = entries.len() <= COPIES_MAX && entries.iter().all(|entry| entry.sealed.len() <= COPY_MAX);
    if in_order && begins && bounded { Ok(()) } else { Err(NotHeld::NotInOrder) }
}
