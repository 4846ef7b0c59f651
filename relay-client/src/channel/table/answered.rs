//! The channels this side has answered: by id, in the order they came, and by scope.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use chukei_wire::id::ChannelId;

use super::{ChannelLimits, Scope};
use crate::channel::Channel;

/// Every insertion and removal takes logarithmic time, however full it is.
#[derive(Debug, Default)]
pub(super) struct Answered {
    by_id: HashMap<ChannelId, Kept>,
    by_age: BTreeMap<u64, ChannelId>,
    by_scope: HashMap<Scope, BTreeSet<u64>>,
    last: u64,
}

#[derive(Debug)]
struct Kept {
    /// Position in the order of arrival.
    arrived: u64,
    channel: Arc<Channel>,
}

impl Answered {
    pub(super) fn len(&self) -> usize {
        self.by_id.len()
    }

    pub(super) fn get(&self, id: &ChannelId) -> Option<Arc<Channel>> {
        self.by_id.get(id).map(|kept| Arc::clone(&kept.channel))
    }

    /// Takes a channel in. The oldest of its scope, or of all, makes room; a channel dropped so is answered as
    /// unknown, and its opener sets up another.
    pub(super) fn insert(&mut self, channel: Arc<Channel>, limits: &ChannelLimits, now_ms: u64) {
        self.expire(limits, now_ms);
        self.remove(&channel.id());
        while self.by_scope.get(channel.scope()).is_some_and(|scope| scope.len() >= limits.per_scope.max(1)) {
            let oldest = self.by_scope.get(channel.scope()).and_then(BTreeSet::first).copied();
            self.remove_arrived(oldest);
        }
        while self.by_id.len() >= limits.capacity.max(1) {
            let oldest = self.by_age.keys().next().copied();
            self.remove_arrived(oldest);
        }
        self.last += 1;
        let (id, arrived) = (channel.id(), self.last);
        self.by_age.insert(arrived, id);
        self.by_scope.entry(channel.scope().clone()).or_default().insert(arrived);
        self.by_id.insert(id, Kept { arrived, channel });
    }

    pub(super) fn remove(&mut self, id: &ChannelId) {
        let Some(Kept { arrived, channel }) = self.by_id.remove(id) else { return };
        self.by_age.remove(&arrived);
        if let Some(scope) = self.by_scope.get_mut(channel.scope()) {
            scope.remove(&arrived);
            if scope.is_empty() {
                self.by_scope.remove(channel.scope());
            }
        }
    }

    /// Drops what is over by age, oldest first.
    pub(super) fn expire(&mut self, limits: &ChannelLimits, now_ms: u64) {
        while let Some((&arrived, id)) = self.by_age.first_key_value() {
            let over = self.by_id.get(id).is_none_or(|kept| limits.is_over(&kept.channel, now_ms));
            if !over {
                return;
            }
            self.remove_arrived(Some(arrived));
        }
    }

    /// Withdraws and drops what stands on an identity that `list` does not name; how many.
    pub(super) fn withdraw(&mut self, concerned: impl Fn(&Channel) -> bool) -> usize {
        let gone = self.by_id.values().filter(|kept| concerned(&kept.channel));
        let gone: Vec<_> = gone.map(|kept| Arc::clone(&kept.channel)).collect();
        for channel in &gone {
            channel.withdraw();
            self.remove(&channel.id());
        }
        gone.len()
    }

    fn remove_arrived(&mut self, arrived: Option<u64>) {
        let Some(arrived) = arrived else { return };
        match self.by_age.get(&arrived).copied() {
            Some(id) => self.remove(&id),
            None => return,
        }
        self.by_age.remove(&arrived);
    }
}
