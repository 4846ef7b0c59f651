//! Where the leaves of one person's records are in the tree: from memory where they are new, from rows where they are stored.
//!
//! What must hold: what is read here never reaches the tree, which may have grown past it meanwhile; few rows are read for
//! a page.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

use crate::audit::CHAIN_PAGE;
use crate::checkpoints::rows;
use crate::hosted::HostedBody;
use crate::hosted::persons::PersonId;
use crate::hosted::rows::RowError;

/// The leaves of one person's records, numbered from 1.
pub(crate) struct Places {
    person: PersonId,
    count: u64,
    last: Option<u64>,
    /// Indexes by page; the last one may not be full.
    pages: BTreeMap<u64, Vec<u64>>,
}

impl Places {
    /// As the tree stands now.
    pub(crate) async fn of(body: &HostedBody, person: PersonId) -> Result<Self, RowError> {
        let at_hand = body.audit().tree().chain(&person);
        let (chain, mut pages) = match at_hand {
            Some(at_hand) => at_hand,
            None => {
                let stored = rows::chains(body, &[person]).await?;
                (stored.into_iter().next().and_then(|(_, chain)| chain), BTreeMap::new())
            }
        };
        let count = chain.as_ref().map_or(0, |chain| chain.end.number);
        let last = chain.as_ref().map(|chain| chain.end.index);
        if let Some(chain) = chain.filter(|chain| !chain.page.is_empty()) {
            pages.insert(count / CHAIN_PAGE, chain.page);
        }
        Ok(Self { person, count, last, pages })
    }

    /// How many there are.
    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// Index of the last one's leaf.
    pub(crate) fn last(&self) -> Option<u64> {
        self.last
    }

    /// Reads what is not at hand of these numbers.
    pub(crate) async fn read(
        &mut self,
        body: &HostedBody,
        numbers: RangeInclusive<u64>,
    ) -> Result<(), RowError> {
        let (from, to) = (numbers.start().max(&1) - 1, numbers.end().min(&self.count).saturating_sub(1));
        let wanted: BTreeSet<u64> = (from / CHAIN_PAGE..=to / CHAIN_PAGE).collect();
        let missing: Vec<u64> = wanted.into_iter().filter(|page| !self.pages.contains_key(page)).collect();
        if !missing.is_empty() {
            self.pages.extend(rows::pages(body, &self.person, &missing).await?);
        }
        Ok(())
    }

    /// Index of the leaf of this number, once it was read.
    pub(crate) fn index(&self, number: u64) -> Option<u64> {
        let at = number.checked_sub(1)?;
        let slot = usize::try_from(at % CHAIN_PAGE).ok()?;
        self.pages.get(&(at / CHAIN_PAGE))?.get(slot).copied()
    }
}
