//! The channels a role has: those it answers, by id, and those it has opened, one for each scope.
//!
//! What must hold: a channel serves only the portal, body and direction it was set up for (R33); it ends by
//! age, by count, by a stop (R35), or when the peer list drops an identity it stands on, whichever comes first,
//! set-ups in progress included; tables are bounded, and no scope crowds out the others (R40).

mod answered;
mod listed;
mod opened;

use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chukei_wire::body_code::BodyCode;
use chukei_wire::id::ChannelId;
use tokio::time::Instant;

use super::{Channel, ChannelError, Parties, Scope};
use crate::peers::PeerList;
use answered::Answered;
use listed::Listed;
use opened::Opened;

/// When channels end, and how many there may be.
#[derive(Clone, Copy, Debug)]
pub struct ChannelLimits {
    /// Answered channels kept; the oldest makes room. Also the number of scopes channels are opened for.
    pub capacity: usize,
    /// Answered channels kept of one scope; its oldest makes room.
    pub per_scope: usize,
    /// The side that opened a channel replaces it at this age, milliseconds.
    pub max_age_ms: u64,
    /// The side that opened a channel replaces it after this many bodies: two for each request.
    pub max_bodies: u64,
    /// How much longer the answering side honours a channel, milliseconds: what is in flight when the other
    /// side replaces it must still be answered. Of bodies it honours twice as many, for the same reason.
    pub grace_ms: u64,
}

impl Default for ChannelLimits {
    fn default() -> Self {
        Self { capacity: 8192, per_scope: 64, max_age_ms: 3_600_000, max_bodies: 1 << 24, grace_ms: 120_000 }
    }
}

impl ChannelLimits {
    /// The usual limits with another age (seconds) and number of messages at which channels are replaced.
    pub fn rotating(max_seconds: u64, max_messages: u64) -> Self {
        let max_age_ms = max_seconds.saturating_mul(1_000);
        Self { max_age_ms, max_bodies: max_messages, ..Self::default() }
    }

    /// Whether the answering side still takes requests on this channel.
    fn honours(&self, channel: &Channel, now_ms: u64) -> bool {
        let most = self.max_bodies.saturating_mul(2);
        channel.bodies() < most && !self.is_over(channel, now_ms)
    }

    fn is_over(&self, channel: &Channel, now_ms: u64) -> bool {
        age(channel, now_ms) >= self.max_age_ms.saturating_add(self.grace_ms)
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
    answered: Mutex<Answered>,
    opened: Opened,
    listed: Arc<Listed>,
}

impl Channels {
    /// An empty table.
    pub fn new(limits: ChannelLimits) -> Self {
        let listed = Arc::new(Listed::default());
        Self { limits, answered: Mutex::default(), opened: Opened::new(limits, Arc::clone(&listed)), listed }
    }

    /// Takes in a channel that this side has answered. Refused if the peer list has dropped one of its
    /// identities since the handshake began.
    pub fn insert(&self, channel: Channel, now_ms: u64) -> Result<Arc<Channel>, ChannelError> {
        let channel = Arc::new(channel);
        lock(&self.answered).insert(Arc::clone(&channel), &self.limits, now_ms);
        // Looked at only now that a list coming into force finds the channel: none slips between.
        let listed = self.listed.check(&channel);
        listed.inspect_err(|_| lock(&self.answered).remove(&channel.id())).map(|()| channel)
    }

    /// The answered channel of this id, for a request of this scope.
    pub fn get(&self, id: ChannelId, scope: &Scope, now_ms: u64) -> Result<Arc<Channel>, ChannelUnusable> {
        let mut answered = lock(&self.answered);
        let channel = answered.get(&id).ok_or(ChannelUnusable::Unknown)?;
        if !self.limits.honours(&channel, now_ms) {
            answered.remove(&id);
            return Err(ChannelUnusable::Unknown);
        }
        if channel.scope() != scope || channel.is_withdrawn() {
            return Err(ChannelUnusable::Unknown);
        }
        if channel.is_stopped() { Err(ChannelUnusable::Stopped) } else { Ok(channel) }
    }

    /// The channel this side has opened for `scope`, or the one that `set_up` opens now, if there is none or if
    /// it is worn or stands on an identity that is being replaced. Of several callers one sets up while the
    /// others wait, or use the worn one if it still serves. Where only a better one was wanted, a failed set-up
    /// fails nobody's request; where there is none, it is the next caller's turn.
    pub async fn get_or_setup<F, S>(
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
        self.opened.get_or_setup(scope, parties, now_ms, deadline, set_up).await
    }

    /// Withdraws every channel that stands on an identity which `list` does not name, now and from now on.
    pub fn enforce(&self, list: Arc<PeerList>) {
        self.listed.replace(Arc::clone(&list));
        let dropped = self.withdraw(|channel| !channel.is_listed(&list));
        if dropped > 0 {
            tracing::warn!(channels = dropped, "withdrawn: their identities left the peer list");
        }
    }

    /// Withdraws every channel of a body that is not served here any more.
    pub fn leave(&self, body: BodyCode) {
        let dropped = self.withdraw(|channel| channel.scope().body == body);
        tracing::info!(%body, channels = dropped, "withdrawn with their body");
    }

    fn withdraw(&self, concerned: impl Fn(&Channel) -> bool) -> usize {
        let answered = lock(&self.answered).withdraw(&concerned);
        answered + self.opened.withdraw(&concerned)
    }

    /// Destroys the secrets of channels that are over.
    pub fn expire(&self, now_ms: u64) {
        lock(&self.answered).expire(&self.limits, now_ms);
        self.opened.expire(now_ms);
    }

    /// Stops a channel of either kind (R35); it stays known as stopped until it is over.
    pub fn stop(&self, id: ChannelId) {
        if let Some(channel) = lock(&self.answered).get(&id) {
            channel.stop();
        }
        self.opened.stop(id);
    }

    /// Drops a channel that this side has opened and the other no longer knows. Nothing happens where another
    /// has taken its place meanwhile.
    pub fn forget(&self, channel: &Channel) {
        self.opened.forget(channel);
    }

    /// How many channels are answered and how many scopes have one open, for metrics.
    pub fn counts(&self) -> (usize, usize) {
        (lock(&self.answered).len(), self.opened.len())
    }

    /// How many channels that this side has opened stand on a former identity of either side: none, once an
    /// identity can be retired without a new set-up.
    pub fn on_former_identities(&self) -> usize {
        self.listed.list().map_or(0, |list| self.opened.on_former_identities(&list))
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
