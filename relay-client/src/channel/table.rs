//! The channels a role has: those it answers, by id, and those it has opened, one for each scope.
//!
//! What must hold: a channel serves only the portal, body and direction it was set up for (R33); it ends by
//! age, by count, or by a stop (R35); one set-up at a time for each scope; the table is bounded (R40).

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwapOption;
use chukei_wire::id::ChannelId;
use tokio::time::Instant;

use super::{Channel, ChannelError, Scope};

/// When channels end, and how many there may be.
#[derive(Clone, Copy, Debug)]
pub struct ChannelLimits {
    /// Answered channels kept; the oldest makes room. Also the number of scopes channels are opened for.
    pub capacity: usize,
    /// The side that opened a channel replaces it at this age, milliseconds.
    pub max_age_ms: u64,
    /// The side that opened a channel replaces it after this many bodies.
    pub max_bodies: u64,
    /// How much longer the answering side honours a channel, milliseconds: what is in flight when the other
    /// side replaces it must still be answered. Of bodies it honours twice as many, for the same reason.
    pub grace_ms: u64,
}

impl Default for ChannelLimits {
    fn default() -> Self {
        Self { capacity: 8192, max_age_ms: 3_600_000, max_bodies: 1 << 24, grace_ms: 120_000 }
    }
}

/// Why a request cannot be served on the channel it names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ChannelUnusable {
    /// Not known here, over, or of another scope: these answer alike (R1).
    #[error("the channel is not known here")]
    Unknown,
    /// Stopped after a mismatch (R35).
    #[error("INTEGRITY_STOP: the channel was stopped")]
    Stopped,
}

/// The table.
#[derive(Debug)]
pub struct Channels {
    limits: ChannelLimits,
    answered: Mutex<HashMap<ChannelId, Arc<Channel>>>,
    opened: Mutex<HashMap<Scope, Arc<Slot>>>,
}

#[derive(Debug, Default)]
struct Slot {
    turn: tokio::sync::Mutex<()>,
    current: ArcSwapOption<Channel>,
}

impl Channels {
    /// An empty table.
    pub fn new(limits: ChannelLimits) -> Self {
        Self { limits, answered: Mutex::default(), opened: Mutex::default() }
    }

    /// Takes in a channel that this side has answered.
    pub fn insert(&self, channel: Channel, now_ms: u64) -> Arc<Channel> {
        let channel = Arc::new(channel);
        let mut answered = lock(&self.answered);
        if answered.len() >= self.limits.capacity {
            answered.retain(|_, kept| self.honoured(kept, now_ms));
        }
        if answered.len() >= self.limits.capacity {
            let oldest = answered.values().min_by_key(|kept| kept.established_ms()).map(|kept| kept.id());
            oldest.and_then(|id| answered.remove(&id));
        }
        answered.insert(channel.id(), Arc::clone(&channel));
        channel
    }

    /// The answered channel of this id, for a request of this scope.
    pub fn get(&self, id: ChannelId, scope: &Scope, now_ms: u64) -> Result<Arc<Channel>, ChannelUnusable> {
        let channel = lock(&self.answered).get(&id).cloned().ok_or(ChannelUnusable::Unknown)?;
        if channel.scope() != scope || !self.honoured(&channel, now_ms) {
            return Err(ChannelUnusable::Unknown);
        }
        if channel.is_stopped() { Err(ChannelUnusable::Stopped) } else { Ok(channel) }
    }

    /// The channel this side has opened for `scope`, or the one that `set_up` opens now. Of several callers
    /// one sets up while the others wait; a failed set-up is the next caller's turn.
    pub async fn get_or_setup<F, S>(
        &self,
        scope: &Scope,
        now_ms: u64,
        deadline: Instant,
        set_up: F,
    ) -> Result<Arc<Channel>, ChannelError>
    where
        F: FnOnce() -> S,
        S: Future<Output = Result<Channel, ChannelError>>,
    {
        let slot = self.slot(scope, now_ms)?;
        if let Some(channel) = self.fresh(&slot, now_ms) {
            return Ok(channel);
        }
        let work = async {
            let _turn = slot.turn.lock().await;
            if let Some(channel) = self.fresh(&slot, now_ms) {
                return Ok(channel);
            }
            let channel = Arc::new(set_up().await?);
            slot.current.store(Some(Arc::clone(&channel)));
            Ok(channel)
        };
        tokio::time::timeout_at(deadline, work).await.map_err(|_| ChannelError::Deadline)?
    }

    /// Stops a channel of either kind (R35); it stays known as stopped until it is over.
    pub fn stop(&self, id: ChannelId) {
        if let Some(channel) = lock(&self.answered).get(&id) {
            channel.stop();
        }
        for slot in lock(&self.opened).values() {
            if let Some(channel) = slot.current.load().as_deref().filter(|channel| channel.id() == id) {
                channel.stop();
            }
        }
    }

    /// Drops a channel that this side has opened and the other no longer knows. Nothing happens where another
    /// has taken its place meanwhile.
    pub fn forget(&self, channel: &Channel) {
        if let Some(slot) = lock(&self.opened).get(channel.scope()) {
            slot.current.rcu(|current| current.clone().filter(|kept| kept.id() != channel.id()));
        }
    }

    /// How many channels are answered and how many scopes have one open, for metrics.
    pub fn counts(&self) -> (usize, usize) {
        (lock(&self.answered).len(), lock(&self.opened).len())
    }

    fn slot(&self, scope: &Scope, now_ms: u64) -> Result<Arc<Slot>, ChannelError> {
        let mut opened = lock(&self.opened);
        if let Some(slot) = opened.get(scope) {
            return Ok(Arc::clone(slot));
        }
        if opened.len() >= self.limits.capacity {
            // A slot that somebody holds is being set up.
            opened.retain(|_, slot| Arc::strong_count(slot) > 1 || self.fresh(slot, now_ms).is_some());
        }
        if opened.len() >= self.limits.capacity {
            return Err(ChannelError::Full);
        }
        Ok(Arc::clone(opened.entry(scope.clone()).or_default()))
    }

    fn fresh(&self, slot: &Slot, now_ms: u64) -> Option<Arc<Channel>> {
        slot.current.load_full().filter(|channel| {
            !channel.is_stopped()
                && channel.bodies() < self.limits.max_bodies
                && age(channel, now_ms) < self.limits.max_age_ms
        })
    }

    fn honoured(&self, channel: &Channel, now_ms: u64) -> bool {
        let most = self.limits.max_bodies.saturating_mul(2);
        let oldest = self.limits.max_age_ms.saturating_add(self.limits.grace_ms);
        channel.bodies() < most && age(channel, now_ms) < oldest
    }
}

fn age(channel: &Channel, now_ms: u64) -> u64 {
    now_ms.saturating_sub(channel.established_ms())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
