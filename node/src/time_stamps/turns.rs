//! The bodies' turns: whose newest stamp is read, whose log is stamped, and what came of it.
//!
//! What must hold: no body waits for another one's store, brokers or trouble. What is done for a body is done in a task of its
//! own, with one deadline over all of it; a log of which no checkpoint is cosigned takes no place; of those that are due, those come
//! first that have failed less often; a task that breaks off is a failure of its own body alone. Deliberately absent: when it is
//! looked whose turn it is.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use chukei_crypto::stamp::{REPLY_MAX, Request};
use chukei_domain::day::day_of;
use chukei_relay_client::clock::Clock;
use chukei_wire::body_code::BodyCode;
use chukei_wire::limits::TIME_STAMP_MAX;
use tokio::task::{Id, JoinError, JoinSet};

use super::kept::{self, Kept, Newest};
use super::plan::Plan;
use super::{Authority, StampFailed};
use crate::checkpoints::Vouched;
use crate::hosted::HostedBody;
use crate::telemetry::duty::Duty;
use crate::telemetry::metrics::Metrics;

/// Turns at once, all bodies together.
const AT_ONCE: usize = 4;
/// How long a body's store may take in one turn, besides the authority.
const STORE_WAIT: Duration = Duration::from_secs(10);

// A token is part of a reply: what is accepted finds room wherever stamps go.
const _: () = assert!(REPLY_MAX <= TIME_STAMP_MAX);

/// The turns of all bodies.
pub(super) struct Turns {
    stamping: Arc<Stamping>,
    metrics: Metrics,
    bodies: HashMap<BodyCode, Watched>,
    at_work: JoinSet<Outcome>,
    whose: HashMap<Id, BodyCode>,
}

/// What every turn needs.
struct Stamping {
    authority: Arc<Authority>,
    clock: Clock,
    /// Stamps are kept for so many days.
    keep_days: u32,
}

/// A body and its turns.
struct Watched {
    plan: Plan,
    duty: Duty,
    /// Since when it has had none, Unix milliseconds, or the time of the newest.
    since_ms: u64,
}

/// What a turn is for.
enum Work {
    /// To know which stamp is the newest.
    Look,
    /// To have this checkpoint stamped.
    Stamp(Arc<Vouched>),
}

/// What a turn came to.
pub(super) enum Came {
    /// The newest stamp is known, or that there is none.
    Known(Option<Newest>),
    /// This one was made.
    Stamped(Newest),
}

type Outcome = Result<Came, StampFailed>;
/// A turn that has ended, or broke off.
pub(super) type Ended = Result<(Id, Outcome), JoinError>;

impl Turns {
    /// Of no body yet. Stamps are kept for `keep_days`.
    pub(super) fn new(authority: Arc<Authority>, clock: Clock, metrics: Metrics, keep_days: u32) -> Self {
        let stamping = Arc::new(Stamping { authority, clock, keep_days });
        Self { stamping, metrics, bodies: HashMap::new(), at_work: JoinSet::new(), whose: HashMap::new() }
    }

    /// Begins with those of the hosted bodies whose turn it is, as many as may be at once.
    pub(super) fn begin(&mut self, hosted: &[Arc<HostedBody>]) {
        let here: HashSet<BodyCode> = hosted.iter().map(|body| body.code()).collect();
        self.bodies.retain(|code, watched| watched.plan.is_begun() || here.contains(code));
        let now_ms = self.stamping.clock.now_ms();
        let mut due = Vec::new();
        for body in hosted {
            let code = body.code();
            let new = || Watched::new(code, now_ms, &self.metrics);
            let plan = &self.bodies.entry(code).or_insert_with(new).plan;
            let work = match (plan.is_due(now_ms), plan.is_known()) {
                (false, _) => None,
                (true, false) => Some(Work::Look),
                (true, true) => body.vouched().newest().map(Work::Stamp),
            };
            due.extend(work.map(|work| (plan.failures(), body, work)));
        }
        due.sort_by_key(|(failures, ..)| *failures);
        let free = AT_ONCE.saturating_sub(self.at_work.len());
        for (_, body, work) in due.into_iter().take(free) {
            self.spawn(body.clone(), work);
        }
    }

    fn spawn(&mut self, body: Arc<HostedBody>, work: Work) {
        let code = body.code();
        let Some(watched) = self.bodies.get_mut(&code) else { return };
        watched.plan.begin();
        let stamping = self.stamping.clone();
        let turn = self.at_work.spawn(async move { stamping.turn(&body, work).await });
        self.whose.insert(turn.id(), code);
    }

    /// Waits for a turn that ends; `None` where none goes on.
    pub(super) async fn ended(&mut self) -> Option<Ended> {
        self.at_work.join_next_with_id().await
    }

    /// Takes what a turn came to.
    pub(super) fn take(&mut self, ended: Ended) {
        let (id, outcome) = match ended {
            Ok((id, outcome)) => (id, outcome),
            Err(broken) => (broken.id(), Err(StampFailed::Broken)),
        };
        let Some(code) = self.whose.remove(&id) else { return };
        let Some(watched) = self.bodies.get_mut(&code) else { return };
        watched.take(outcome, &self.metrics);
    }

    /// How old the newest stamp of the body is whose newest is the oldest.
    pub(super) fn show_age(&self) {
        let oldest = self.bodies.values().map(|body| body.since_ms).min();
        let age_ms = oldest.map_or(0, |since_ms| self.stamping.clock.now_ms().saturating_sub(since_ms));
        self.metrics.time_stamp_age_seconds.set(age_ms as f64 / 1_000.0);
    }
}

impl Watched {
    fn new(body: BodyCode, now_ms: u64, metrics: &Metrics) -> Self {
        Self { plan: Plan::new(body), duty: Duty::new("time_stamp", body, metrics), since_ms: now_ms }
    }

    fn take(&mut self, outcome: Outcome, metrics: &Metrics) {
        let count = |result: &str| metrics.time_stamps.with_label_values(&[result]).inc();
        match outcome {
            Ok(Came::Known(newest)) => {
                self.plan.known(newest.map(|newest| newest.day));
                self.since_ms = newest.map_or(self.since_ms, |newest| newest.at_ms);
                self.duty.done();
            }
            Ok(Came::Stamped(newest)) => {
                count("ok");
                self.plan.known(Some(newest.day));
                self.since_ms = newest.at_ms;
                self.duty.done();
            }
            Err(error) => {
                count(error.as_str());
                self.plan.failed();
                self.duty.failed(&error);
            }
        }
    }
}

impl Stamping {
    /// One turn of a body, whatever its store does.
    async fn turn(&self, body: &HostedBody, work: Work) -> Outcome {
        let all = async {
            match work {
                Work::Look => Ok(Came::Known(kept::newest(body).await?)),
                Work::Stamp(vouched) => self.stamp(body, &vouched).await.map(Came::Stamped),
            }
        };
        let deadline = self.authority.deadline() + STORE_WAIT;
        tokio::time::timeout(deadline, all).await.map_err(|_| StampFailed::Late)?
    }

    /// Has a cosigned checkpoint stamped, and keeps the stamp.
    async fn stamp(&self, body: &HostedBody, vouched: &Vouched) -> Result<Newest, StampFailed> {
        let Self { authority, clock, keep_days } = self;
        let note = vouched.checkpoint.to_string();
        let question = Request::new(note.as_bytes(), authority.policy())?;
        let reply = authority.ask(question.to_der()).await?;
        let now_ms = clock.now_ms();
        let (token, stamp) = question.accept(&reply, authority.roots(), now_ms, authority.apart_ms())?;
        let newest = Newest { day: day_of(now_ms), at_ms: stamp.at_ms };
        kept::keep(body, &newest, Kept::new(newest.day, note, &vouched.key, token), *keep_days).await?;
        tracing::info!(
            body = %body.code(), size = vouched.tree.head().size, at_ms = stamp.at_ms, policy = %stamp.policy,
            "the log's checkpoint has the day's time stamp"
        );
        Ok(newest)
    }
}

#[cfg(test)]
mod tests;
