//! Epochs whose connection went before all of their permits were proven: their broker is asked for the missing roots
//! when it is back, and has a few seconds to bring them.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use chukei_crypto::permit::Epoch;
use chukei_wire::message::control::{PermitRoot, WantedEpoch};

use super::ledger::{Ledger, PermitFault};

/// Epochs remembered for one broker. Brokers are those of the configuration.
const EPOCHS_MAX: usize = 4;

/// What a receiver still expects of its brokers.
#[derive(Debug, Default)]
pub struct PastEpochs(Mutex<HashMap<String, VecDeque<Ledger>>>);

impl PastEpochs {
    /// Remembers an epoch that ended with permits unproven. Returns the one that had to give way, whose permits will
    /// stay so.
    pub(super) fn end(&self, ledger: Ledger) -> Option<Ledger> {
        let mut brokers = self.lock();
        let epochs = brokers.entry(ledger.epoch().broker.clone()).or_default();
        epochs.push_back(ledger);
        if epochs.len() > EPOCHS_MAX { epochs.pop_front() } else { None }
    }

    /// What is asked of this broker.
    pub(super) fn wanted(&self, broker: &str) -> Vec<WantedEpoch> {
        self.lock().get(broker).into_iter().flatten().map(Ledger::wanted).collect()
    }

    /// Takes a root of an earlier epoch in; the epoch, or `None` where it is none that is waited for.
    pub(super) fn cover(
        &self,
        broker: &str,
        root: &PermitRoot,
        public: &[u8],
    ) -> Result<Option<Epoch>, PermitFault> {
        let mut brokers = self.lock();
        let Some(epochs) = brokers.get_mut(broker) else { return Ok(None) };
        let Some(ledger) = epochs.iter_mut().find(|ledger| ledger.epoch().id == root.epoch) else {
            return Ok(None);
        };
        ledger.cover(root, public, 0)?;
        let epoch = ledger.epoch().clone();
        epochs.retain(|ledger| ledger.uncovered() > 0);
        Ok(Some(epoch))
    }

    /// Gives up on this broker's earlier epochs; those with permits unproven.
    pub(super) fn give_up(&self, broker: &str) -> Vec<Ledger> {
        self.lock().remove(broker).into_iter().flatten().collect()
    }

    /// Gives up on all of them: the role stops.
    pub fn give_up_all(&self) -> Vec<(Epoch, usize)> {
        let all = std::mem::take(&mut *self.lock());
        let of = |ledger: Ledger| (ledger.epoch().clone(), ledger.uncovered());
        all.into_values().flatten().map(of).collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, VecDeque<Ledger>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
