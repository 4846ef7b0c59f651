//! The index of exchange records: the broker's records by person and by body, with begin and end of each passage in one row.
//!
//! What must hold: it is derived from the journal behind it, off the path of requests, and says how far it goes; whoever
//! asks waits until it has what was durable before the question. Rows are stored together with how far they go, so that a
//! stop anywhere leads to the same rows; an index that is damaged, of another form, or ahead of its journal is removed and
//! made anew. Records go from it when they go from the journal, and never before (番号法23条).

mod derive;
mod grow;
mod read;
mod retire;
mod rows;

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chukei_keys::KeyringFile;
use chukei_store::journal::Journal;
use chukei_store::{Engine, Partition, StoreError};
use tokio::sync::{Notify, watch};

use crate::audit::SealedLog;
use crate::broker::exchange::ExchangeLog;

pub(super) use grow::keep;
pub(super) use read::{Asked, Cursor, Walked};
pub(super) use rows::{Indexed, Mark};

use rows::BadRow;

/// Name of the partition.
const PARTITION: &str = "exchange-index";

/// Why the index does not answer now.
#[derive(Debug, thiserror::Error)]
pub(super) enum IndexError {
    /// It does not go as far as was asked for, in the time that there was.
    #[error("the index is not that far yet")]
    Behind,
    /// It is not open, or is being made anew.
    #[error("the index is not open")]
    Closed,
    /// Its store.
    #[error("store: {0}")]
    Store(#[from] StoreError),
    /// What it holds.
    #[error("row: {0}")]
    Row(#[from] BadRow),
    /// A cursor that belongs to another question.
    #[error("a cursor of another question")]
    Cursor,
}

/// The index, and what grows it.
pub(super) struct ExchangeIndex {
    records: SealedLog,
    journal: Arc<Journal>,
    keyring: Arc<KeyringFile>,
    engine: Arc<dyn Engine>,
    partition: Mutex<Option<Arc<dyn Partition>>>,
    /// Number of the last record of the processes before this one.
    before: u64,
    /// Number of the last record in it.
    reached: watch::Sender<u64>,
    /// Somebody waits for it.
    wanted: Notify,
    /// A row was not what belongs there.
    damaged: AtomicBool,
}

impl ExchangeIndex {
    /// An index over these records, of which this process has not made any yet. It is opened by who grows it.
    pub(super) fn new(
        exchanges: &ExchangeLog,
        journal: Arc<Journal>,
        keyring: Arc<KeyringFile>,
        engine: Arc<dyn Engine>,
    ) -> Self {
        Self {
            before: exchanges.records().last_number(),
            records: exchanges.records().clone(),
            journal,
            keyring,
            engine,
            partition: Mutex::default(),
            reached: watch::channel(0).0,
            wanted: Notify::new(),
            damaged: AtomicBool::new(false),
        }
    }

    /// Waits until record `number` is in it, for so long.
    pub(super) async fn upto(&self, number: u64, within: Duration) -> Result<(), IndexError> {
        let mut reached = self.reached.subscribe();
        self.wanted.notify_one();
        let waiting = tokio::time::timeout(within, reached.wait_for(|reached| *reached >= number));
        match waiting.await {
            Ok(Ok(_)) => Ok(()),
            _ => Err(IndexError::Behind),
        }
    }

    /// Whether it can be read.
    pub(super) fn is_open(&self) -> bool {
        self.held().is_ok()
    }

    /// Records that are durable and not in it.
    pub(super) fn behind(&self) -> u64 {
        self.records.last_number().saturating_sub(*self.reached.borrow())
    }

    fn held(&self) -> Result<Arc<dyn Partition>, IndexError> {
        self.partition.lock().unwrap_or_else(PoisonError::into_inner).clone().ok_or(IndexError::Closed)
    }

    fn hold(&self, partition: Option<Arc<dyn Partition>>) {
        *self.partition.lock().unwrap_or_else(PoisonError::into_inner) = partition;
    }
}

#[cfg(test)]
mod tests;
