//! The index grows behind the journal: in batches, at leisure while requests are in work, at once where somebody waits.
//!
//! What must hold: rows and how far they go are one batch; a fault costs time and no row; what the journal has given up is
//! stepped over, however much that is; passages that a process before this one did not see end are closed as unknown, once.

use std::sync::atomic::Ordering;
use std::time::Duration;

use chukei_relay_client::permit::EVIDENCE_PARTITION;
use chukei_store::journal::JournalError;
use chukei_store::{Partition, StoreError, WriteFault};
use tokio::sync::watch;

use super::derive::{Step, Unended};
use super::rows::{self, BadRow, FORM, Mark, Reached};
use super::{ExchangeIndex, IndexError, PARTITION};
use crate::broker::Broker;
use crate::broker::exchange::{CLOSED, HIDDEN, OPENED};

/// Records taken at a time.
const BATCH: u64 = 1_024;
/// How often it is looked whether there is more: while requests are in work, one batch each time, a few hundredths of a
/// processor; what is left waits until there is less to do or somebody asks.
const EVERY: Duration = Duration::from_millis(500);
/// Requests in work above which it goes at leisure.
const BUSY: i64 = 8;
/// Rows read at a time.
pub(super) const PAGE: usize = 512;

/// Grows the index until `stop` changes to true.
pub(in crate::broker) async fn keep(broker: &Broker, mut stop: watch::Receiver<bool>) {
    let index = &broker.index;
    let mut growing: Option<Growing> = None;
    let mut closed = false;
    loop {
        let waited = tokio::select! {
            () = index.wanted.notified() => true,
            () = tokio::time::sleep(EVERY) => false,
            _ = stop.wait_for(|stop| *stop) => return,
        };
        if broker.keys.gate.pass().is_err() {
            continue;
        }
        let at_leisure = !waited && broker.metrics.in_flight.get() > BUSY;
        match index.look(&mut growing, at_leisure).await {
            // Once everything of before is in it.
            Ok(()) if !closed && growing.as_ref().is_some_and(|now| now.reached.records >= index.before) => {
                closed = true;
                let left =
                    growing.as_ref().map(|growing| growing.unended.until(index.before)).unwrap_or_default();
                if !left.is_empty() {
                    tracing::warn!(passages = left.len(), "a stop has left passages without an end");
                }
                for request in left {
                    broker.exchanges.close_unseen(&broker.name, request, broker.clock.now_ms());
                }
            }
            Ok(()) => {}
            Err(error) => tracing::warn!(%error, "the index of exchange records is behind"),
        }
        broker.metrics.exchange_index_behind.set(i64::try_from(index.behind()).unwrap_or(i64::MAX));
    }
}

/// Where the growing stands: what is stored, and passages without an end.
pub(super) struct Growing {
    reached: Reached,
    pub(super) unended: Unended,
}

/// Why it did not grow.
#[derive(Debug, thiserror::Error)]
pub(super) enum GrowError {
    #[error(transparent)]
    Index(#[from] IndexError),
    #[error("journal: {}", .0.code())]
    Journal(#[from] JournalError),
}

impl From<StoreError> for GrowError {
    fn from(error: StoreError) -> Self {
        Self::Index(error.into())
    }
}

impl From<BadRow> for GrowError {
    fn from(error: BadRow) -> Self {
        Self::Index(error.into())
    }
}

impl ExchangeIndex {
    /// Opens the index where it is not open, and lets it grow as far as the journal goes, or by one batch at leisure.
    /// Whatever fails, the next look begins with what is stored.
    pub(super) async fn look(
        &self,
        growing: &mut Option<Growing>,
        at_leisure: bool,
    ) -> Result<(), GrowError> {
        let known = growing.take().filter(|_| !self.damaged.load(Ordering::Relaxed));
        let mut now = match known {
            Some(now) => now,
            None => self.open().await?,
        };
        while self.grow(&mut now).await? && !at_leisure {}
        *growing = Some(now);
        Ok(())
    }

    /// Opens the partition; one that is not an index of this journal is removed, and begins empty.
    async fn open(&self) -> Result<Growing, GrowError> {
        self.hold(None);
        let damaged = self.damaged.load(Ordering::Relaxed);
        if !damaged {
            match self.begin().await {
                Err(GrowError::Index(IndexError::Store(StoreError::Corrupt) | IndexError::Row(_))) => {}
                begun => return begun,
            }
            self.hold(None);
        }
        tracing::warn!("the index of exchange records is made anew");
        self.engine.remove(PARTITION).await?;
        self.damaged.store(false, Ordering::Relaxed);
        self.begin().await
    }

    async fn begin(&self) -> Result<Growing, GrowError> {
        let partition = self.engine.open(PARTITION).await?;
        if partition.fault() == Some(WriteFault::Corrupt) {
            return Err(StoreError::Corrupt.into());
        }
        let keys = self.keyring.snapshot();
        let key = rows::reached();
        let stored = partition.get_many(std::slice::from_ref(&key)).await?.into_iter().next().flatten();
        let reached = match stored {
            Some(stored) => rows::open_at(&keys, &key, &stored.value)?,
            None => Reached { form: FORM, ..Reached::default() },
        };
        let ahead = reached.records > self.records.last_number()
            || reached.evidence > self.journal.last_number(EVIDENCE_PARTITION);
        if reached.form != FORM || ahead {
            return Err(BadRow::Damaged.into());
        }
        let unended = self.unended(&*partition).await?;
        // Before it can be read: whoever finds it open finds no number that an index before it had reached.
        self.reached.send_replace(reached.records);
        self.hold(Some(partition));
        Ok(Growing { reached, unended })
    }

    /// The passages without an end that are stored.
    async fn unended(&self, partition: &dyn Partition) -> Result<Unended, GrowError> {
        let keys = self.keyring.snapshot();
        let (mut unended, mut after) = (Unended::default(), None);
        loop {
            let page = partition.scan(&rows::unended(), after.as_ref(), PAGE).await?;
            let numbers: Vec<u64> = page.rows.iter().filter_map(|(key, _)| rows::number_of(key)).collect();
            let passages: Vec<_> = numbers.iter().map(|number| rows::passage(*number)).collect();
            for (number, stored) in numbers.iter().zip(partition.get_many(&passages).await?) {
                match stored.map(|stored| rows::open_passage(&keys, *number, &stored.value)) {
                    Some(Ok((_, indexed))) => unended.begins(indexed),
                    // It has come to its end of retention without another.
                    None | Some(Err(BadRow::KeyDestroyed)) => {}
                    Some(Err(error)) => return Err(error.into()),
                }
            }
            after = page.next();
            if after.is_none() {
                return Ok(unended);
            }
        }
    }

    /// Takes the next records; whether there may be more.
    async fn grow(&self, now: &mut Growing) -> Result<bool, GrowError> {
        let (mut step, next, more) = self.read(now).await?;
        if next == now.reached {
            return Ok(false);
        }
        let partition = self.held()?;
        let keys = self.keyring.snapshot();
        step.keep_newer(&self.stored_marks(&*partition, &step.marks).await?);
        let before = now.reached.records;
        let batch = step.into_batch(&keys, &self.records, &now.unended, before)?;
        let key = rows::reached();
        let standing = self.records.standing_ids();
        let batch = batch.put(key.clone(), rows::seal_at(&keys, standing, &key, &next)?);
        partition.apply(batch).await?;
        now.reached = next;
        self.reached.send_replace(next.records);
        Ok(more)
    }

    /// Reads the next records and evidence, how far that goes, and whether there may be more.
    async fn read(&self, now: &mut Growing) -> Result<(Step, Reached, bool), GrowError> {
        let (records, journal, reached) = (self.records.clone(), self.journal.clone(), now.reached);
        let mut unended = std::mem::take(&mut now.unended);
        let reading = tokio::task::spawn_blocking(move || {
            let mut step = Step::default();
            let begin = Reached {
                records: behind_given_up(reached.records, records.first_number()),
                evidence: behind_given_up(reached.evidence, journal.first_number(EVIDENCE_PARTITION).0),
                ..reached
            };
            let mut next = begin;
            for entry in records.entries(begin.records + 1) {
                let entry = entry?;
                if entry.seq > begin.records + BATCH {
                    break;
                }
                next.records = entry.seq;
                if [OPENED, CLOSED, HIDDEN].contains(&entry.kind) {
                    // One that nobody can open any more has come to its end, or is for `audit verify` to name.
                    if let Ok(record) = records.open(entry) {
                        records.prepare_for(record.at_ms);
                        step.take(&mut unended, &record);
                    }
                }
            }
            for entry in journal.read(EVIDENCE_PARTITION, begin.evidence + 1) {
                let entry = entry?;
                if entry.seq > begin.evidence + BATCH {
                    break;
                }
                next.evidence = entry.seq;
                step.take_evidence(&entry);
            }
            let more = next.records - begin.records == BATCH || next.evidence - begin.evidence == BATCH;
            Ok::<_, JournalError>((step, next, more, unended))
        });
        let (step, next, more, unended) = reading.await.unwrap_or(Err(JournalError::Failed))?;
        now.unended = unended;
        Ok((step, next, more))
    }

    async fn stored_marks(&self, partition: &dyn Partition, marks: &[Mark]) -> Result<Vec<Mark>, GrowError> {
        let keys = self.keyring.snapshot();
        let mut stored = Vec::new();
        for some in marks.chunks(PAGE) {
            let names: Vec<_> = some.iter().map(|mark| rows::mark(&keys, mark.person, &mark.body)).collect();
            for (key, row) in names.iter().zip(partition.get_many(&names).await?) {
                if let Some(row) = row {
                    stored.push(rows::open_at(&keys, key, &row.value)?);
                }
            }
        }
        Ok(stored)
    }
}

/// How far an index goes that has `reached` this entry of a journal which begins at `first`: what was given up is in none.
fn behind_given_up(reached: u64, first: u64) -> u64 {
    reached.max(first.saturating_sub(1))
}
