//! The memory in the journal is kept short: a log that has rested long is written once more, and what stands before goes.
//!
//! What must hold: nothing is given up before everything that is remembered stands behind it, durably; a fault costs
//! room and no memory.

use std::sync::Arc;
use std::time::Duration;

use chukei_store::GivenUp;
use chukei_store::journal::{Journal, JournalError};

use super::memory::Kept;
use super::{OWNER, Witness};
use crate::broker::Broker;

/// How often the length is looked at.
const LOOK: Duration = Duration::from_secs(4);
/// Entries that the journal may hold of the witness before the older half goes: some 16 MiB.
const ENTRIES_MAX: u64 = 65_536;

/// Looks until it is dropped.
pub(in crate::broker) async fn keep_short(broker: &Broker) {
    loop {
        tokio::time::sleep(LOOK).await;
        let keep = |kept| super::serve::keep(broker, kept, broker.clock.now_ms());
        if let Err(error) = broker.witness.shorten(&broker.journal, ENTRIES_MAX, keep).await {
            tracing::warn!(code = error.code(), "the witness's memory stays long for now");
        }
    }
}

impl Witness {
    /// Gives up the older half of more than `most` entries.
    pub(super) async fn shorten<K>(
        &self,
        journal: &Arc<Journal>,
        most: u64,
        keep: impl Fn(Kept) -> K,
    ) -> Result<(), JournalError>
    where
        K: Future<Output = Result<u64, JournalError>>,
    {
        let (first, last) = (journal.first_number(OWNER).0, journal.last_number(OWNER));
        if last.saturating_sub(first) < most {
            return Ok(());
        }
        let cut = last - most / 2;
        let older: Vec<_> = {
            // Queued while the memory is held: no newer entry of the same log stands before these.
            let memory = self.memory();
            let older = memory.older_than(cut).into_iter();
            older.map(|(origin, all)| (origin, all.into_iter().map(&keep).collect::<Vec<_>>())).collect()
        };
        for (origin, all) in older {
            let mut first = None;
            for kept in all {
                let number = kept.await?;
                first.get_or_insert(number);
            }
            if let Some(first) = first {
                self.memory().rewritten(&origin, first);
            }
        }
        let journal = journal.clone();
        let giving_up =
            tokio::task::spawn_blocking(move || journal.forget_before(OWNER, cut, GivenUp::Retention));
        giving_up.await.unwrap_or(Err(JournalError::Failed))
    }
}
