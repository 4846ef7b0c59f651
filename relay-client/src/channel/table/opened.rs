//! The channels this side has opened: one for each scope, replaced while the former still serves.
//!
//! Requests are counted when the channel is handed to them, not when they end: with any number in flight, none
//! is sent on a channel that the answering side would no longer honour.

use std::collections::HashMap;
use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use chukei_wire::id::ChannelId;
use tokio::time::Instant;

use super::listed::Listed;
use super::{ChannelLimits, age, lock};
use crate::channel::{Channel, ChannelError, Parties, Scope};
use crate::peers::PeerList;

/// Bodies that one request takes: its own and its reply.
const BODIES_PER_REQUEST: u64 = 2;
/// Longest wait for a replacement while the former channel still serves.
const REPLACEMENT: Duration = Duration::from_secs(2);
/// Time between two attempts at a replacement, milliseconds: the other side may not have the newer identity in use
/// yet, or the way to it may be closed.
const PAUSE_MS: u64 = 1_000;

#[derive(Debug)]
pub(super) struct Opened {
    limits: ChannelLimits,
    slots: Mutex<HashMap<Scope, Arc<Slot>>>,
    listed: Arc<Listed>,
}

#[derive(Debug, Default)]
struct Slot {
    turn: tokio::sync::Mutex<()>,
    current: ArcSwapOption<Held>,
    /// When a replacement failed last, Unix milliseconds.
    failed_ms: AtomicU64,
}

#[derive(Debug)]
struct Held {
    channel: Arc<Channel>,
    handed_out: AtomicU64,
}

/// What may be done with a channel.
#[derive(PartialEq, Eq)]
enum Use {
    Fresh,
    /// It serves, and is to be replaced.
    Worn,
    Over,
}

impl Opened {
    pub(super) fn new(limits: ChannelLimits, listed: Arc<Listed>) -> Self {
        Self { limits, slots: Mutex::default(), listed }
    }

    pub(super) fn len(&self) -> usize {
        lock(&self.slots).len()
    }

    pub(super) async fn get_or_setup<F, S>(
        &self,
        scope: &Scope,
        parties: Parties<'_>,
        now_ms: u64,
        deadline: Instant,
        set_up: F,
    ) -> Result<Arc<Channel>, ChannelError>
    where
        F: FnOnce() -> S,
        S: Future<Output = Result<Channel, ChannelError>>,
    {
        let slot = self.slot(scope, now_ms)?;
        let serving = match slot.hand_out(&self.limits, parties, now_ms) {
            Some((channel, Use::Fresh)) => return Ok(channel),
            Some((channel, _)) => channel,
            None => {
                let work = async {
                    let _turn = slot.turn.lock().await;
                    match slot.hand_out(&self.limits, parties, now_ms) {
                        Some((channel, _)) => Ok(channel),
                        None => self.take(&slot, set_up().await?),
                    }
                };
                return tokio::time::timeout_at(deadline, work).await.map_err(|_| ChannelError::Deadline)?;
            }
        };
        Ok(self.replaced(&slot, &serving, now_ms, deadline, set_up).await.unwrap_or(serving))
    }

    /// The channel in the place of the one that still serves, if it is this caller that gets one.
    async fn replaced<F, S>(
        &self,
        slot: &Slot,
        serving: &Channel,
        now_ms: u64,
        deadline: Instant,
        set_up: F,
    ) -> Option<Arc<Channel>>
    where
        F: FnOnce() -> S,
        S: Future<Output = Result<Channel, ChannelError>>,
    {
        let paused = now_ms.saturating_sub(slot.failed_ms.load(Ordering::Relaxed)) < PAUSE_MS;
        let _turn = slot.turn.try_lock().ok().filter(|_| !paused)?;
        slot.current().filter(|held| held.channel.id() == serving.id())?;
        let until = deadline.min(Instant::now() + REPLACEMENT);
        let set_up = tokio::time::timeout_at(until, set_up()).await.map_err(|_| ChannelError::Deadline);
        let taken = set_up.flatten().and_then(|channel| self.take(slot, channel));
        let failed = |error: &ChannelError| {
            slot.failed_ms.store(now_ms, Ordering::Relaxed);
            tracing::warn!(%error, "a channel was not replaced and serves on");
        };
        taken.inspect_err(failed).ok()
    }

    /// Takes a new channel into use, for the request that set it up first.
    fn take(&self, slot: &Slot, channel: Channel) -> Result<Arc<Channel>, ChannelError> {
        let channel = Arc::new(channel);
        let held = Held { channel: Arc::clone(&channel), handed_out: AtomicU64::new(1) };
        slot.current.store(Some(Arc::new(held)));
        // Looked at only now that a list coming into force finds the channel: none slips between.
        self.listed.check(&channel).map(|()| channel)
    }

    /// Withdraws and drops what stands on an identity that `list` does not name; how many.
    pub(super) fn withdraw(&self, concerned: impl Fn(&Channel) -> bool) -> usize {
        let concerned = |held: &Arc<Held>| concerned(&held.channel);
        let slots = lock(&self.slots);
        let withdrawn = slots.values().filter_map(|slot| Some((slot, slot.current().filter(concerned)?)));
        let dropped = withdrawn.map(|(slot, held)| {
            held.channel.withdraw();
            slot.drop_channel(held.channel.id());
        });
        dropped.count()
    }

    /// Channels in use that stand on a former identity of either side.
    pub(super) fn on_former_identities(&self, list: &PeerList) -> usize {
        let former = |slot: &&Arc<Slot>| slot.current().is_some_and(|held| !held.channel.is_newest(list));
        lock(&self.slots).values().filter(former).count()
    }

    /// Drops the slots of channels that are over.
    pub(super) fn expire(&self, now_ms: u64) {
        lock(&self.slots).retain(|_, slot| self.is_kept(slot, now_ms));
    }

    pub(super) fn stop(&self, id: ChannelId) {
        for slot in lock(&self.slots).values() {
            if let Some(held) = slot.current().filter(|held| held.channel.id() == id) {
                held.channel.stop();
            }
        }
    }

    pub(super) fn forget(&self, channel: &Channel) {
        if let Some(slot) = lock(&self.slots).get(channel.scope()) {
            slot.drop_channel(channel.id());
        }
    }

    fn slot(&self, scope: &Scope, now_ms: u64) -> Result<Arc<Slot>, ChannelError> {
        let mut slots = lock(&self.slots);
        if let Some(slot) = slots.get(scope) {
            return Ok(Arc::clone(slot));
        }
        if slots.len() >= self.limits.capacity {
            slots.retain(|_, slot| self.is_kept(slot, now_ms));
        }
        if slots.len() >= self.limits.capacity {
            return Err(ChannelError::Full);
        }
        Ok(Arc::clone(slots.entry(scope.clone()).or_default()))
    }

    /// A slot that somebody holds is being set up.
    fn is_kept(&self, slot: &Arc<Slot>, now_ms: u64) -> bool {
        let serves = |held: Arc<Held>| held.serves(&self.limits, now_ms);
        Arc::strong_count(slot) > 1 || slot.current().is_some_and(serves)
    }
}

impl Slot {
    fn current(&self) -> Option<Arc<Held>> {
        self.current.load_full()
    }

    /// The channel for one more request, unless it is over.
    fn hand_out(
        &self,
        limits: &ChannelLimits,
        parties: Parties<'_>,
        now_ms: u64,
    ) -> Option<(Arc<Channel>, Use)> {
        let held = self.current.load();
        let held = held.as_ref()?;
        let usable = held.usable(limits, parties, now_ms);
        (usable != Use::Over).then(|| (Arc::clone(&held.channel), usable))
    }

    /// Unless another has taken its place meanwhile.
    fn drop_channel(&self, id: ChannelId) {
        self.current.rcu(|current| current.clone().filter(|held| held.channel.id() != id));
    }
}

impl Held {
    /// Counts one more request and says whether it may have the channel.
    fn usable(&self, limits: &ChannelLimits, parties: Parties<'_>, now_ms: u64) -> Use {
        if !self.serves(limits, now_ms) || !self.channel.stands_on_listed(parties) {
            return Use::Over;
        }
        let before = self.handed_out.fetch_add(1, Ordering::Relaxed).saturating_mul(BODIES_PER_REQUEST);
        let age = age(&self.channel, now_ms);
        let another_identity = !self.channel.stands_on_newest(parties) && age >= PAUSE_MS;
        // Half of what the answering side allows beyond the limit is for a replacement that takes its time.
        if before >= limits.max_bodies.saturating_add(limits.max_bodies / 2) {
            Use::Over
        } else if before >= limits.max_bodies || age >= limits.max_age_ms || another_identity {
            Use::Worn
        } else {
            Use::Fresh
        }
    }

    fn serves(&self, limits: &ChannelLimits, now_ms: u64) -> bool {
        let channel = &self.channel;
        let end = limits.max_age_ms.saturating_add(limits.grace_ms / 2);
        !channel.is_stopped() && !channel.is_withdrawn() && age(channel, now_ms) < end
    }
}
