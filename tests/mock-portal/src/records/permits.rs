//! What brokers have signed about permits, held against itself: each statement says under which permit a request went, and how
//! far the broker's signed roots go.
//!
//! What must hold: a root covers every permit up to its number, so that one number is one passage's, and there is one root for
//! one number; an epoch is of one connection, and so of one broker. This is looked at over all pages, brokers and visits, and
//! what contradicts it is signed by whoever contradicts. A permit that no root covers is told by its request: its broker may
//! have stopped before it signed. Deliberately absent: the root made anew from its leaves, which are hashes over what the
//! receiver alone is told; it holds every permit against them when it comes (`chukei_relay_client::permit`).

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chukei_wire::header::Kind;
use chukei_wire::id::RequestId;
use chukei_wire::message::exchange::{ANSWERED, EpochRoot, ExchangeEntry, ExchangeRecord, ExchangeStatement};

use super::wrong::Wrong;
use crate::storage::reached::KnownRoot;

/// The passage that a number of an epoch is of: the request, and the number of the record.
type Passage = (RequestId, u64);

/// What was said so far.
#[derive(Default)]
pub(super) struct Permits {
    roots: BTreeMap<[u8; 16], KnownRoot>,
    /// Epochs that were named now, with the broker that names them.
    named: BTreeMap<[u8; 16], String>,
    used: HashMap<([u8; 16], u64), Passage>,
    /// Requests for own information that were answered, when they were asked, and their permits.
    answered: Vec<(RequestId, u64, [u8; 16], u64)>,
}

impl Permits {
    /// Begins with what was known before.
    pub(super) fn known(roots: Vec<KnownRoot>) -> Self {
        let roots = roots.into_iter().map(|root| (root.epoch, root)).collect();
        Self { roots, ..Self::default() }
    }

    /// Takes a page in that its broker has signed.
    pub(super) fn take(&mut self, statement: &ExchangeStatement) -> Result<(), Wrong> {
        let mut named = BTreeSet::new();
        for entry in &statement.entries {
            let ExchangeEntry::Open(record) = entry else { continue };
            named.extend(self.record(&statement.broker, record)?);
        }
        let in_order = statement.roots.is_sorted_by(|one, next| one.epoch < next.epoch);
        let of_page = statement.roots.iter().all(|root| named.contains(&root.epoch));
        if !in_order || !of_page {
            return Err(Wrong::Permits);
        }
        statement.roots.iter().try_for_each(|root| self.root(&statement.broker, root))
    }

    /// The epoch of the record's permit, where it had one.
    fn record(&mut self, broker: &str, record: &ExchangeRecord) -> Result<Option<[u8; 16]>, Wrong> {
        let Some(epoch) = record.permit_epoch else {
            // What was answered had been permitted.
            let answered = record.ended.as_ref().is_some_and(|end| end.result == ANSWERED);
            return if answered || record.permit_number > 0 { Err(Wrong::Permits) } else { Ok(None) };
        };
        let number = record.permit_number;
        let passage = (record.request_id, record.number);
        let other = self.used.insert((epoch, number), passage).is_some_and(|other| other != passage);
        let known = self.roots.get(&epoch).map(|known| &known.broker);
        let named = self.named.entry(epoch).or_insert_with(|| broker.to_owned());
        if number == 0 || other || named != broker || known.is_some_and(|known| known != broker) {
            return Err(Wrong::Permits);
        }
        if record.to_body && record.kind == Kind::SelfInfo.as_str() && record.is_answered() {
            self.answered.push((record.request_id, record.asked_ms, epoch, number));
        }
        Ok(Some(epoch))
    }

    fn root(&mut self, broker: &str, told: &EpochRoot) -> Result<(), Wrong> {
        let EpochRoot { epoch, covered, root } = *told;
        let known = self.roots.get(&epoch);
        // An index that is being made anew tells of an older root, which is no contradiction.
        let same_number = known.is_some_and(|known| known.covered == covered);
        let same_root = known.is_some_and(|known| known.root == root);
        if covered == 0 || same_number != same_root {
            return Err(Wrong::Permits);
        }
        if known.is_none_or(|known| known.covered < covered) {
            self.roots.insert(epoch, KnownRoot { epoch, broker: broker.to_owned(), covered, root });
        }
        Ok(())
    }

    /// Answered requests, asked before `until_ms` by their broker's clock, whose permits are under no root.
    pub(super) fn unproven(&self, until_ms: u64) -> Vec<RequestId> {
        let is_covered = |epoch, number| self.roots.get(epoch).is_some_and(|root| number <= root.covered);
        let unproven = self
            .answered
            .iter()
            .filter(|(_, asked_ms, epoch, number)| *asked_ms < until_ms && !is_covered(epoch, *number));
        unproven.map(|(request, ..)| *request).collect()
    }

    /// What is known now: first what was named now.
    pub(super) fn into_roots(self) -> Vec<KnownRoot> {
        let Self { roots, named, .. } = self;
        let (mut now, before): (Vec<_>, Vec<_>) =
            roots.into_values().partition(|root| named.contains_key(&root.epoch));
        now.extend(before);
        now
    }
}

#[cfg(test)]
mod tests;
