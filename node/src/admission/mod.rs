//! Admission: more than a role or a body may do at once is answered OVERLOADED, never queued without bound (R40).
//!
//! A request passes, in this order:
//! 1. the rate of its body, and its bytes ([`BodyLimit::enter`]): refused before anything is known of it but whose it is;
//! 2. shed around the limit: the places in which a body's requests wait are few, and who finds none is told at once;
//! 3. a deadline for the wait;
//! 4. its turn: a place under the one semaphore that all kinds of requests of all bodies share, given to those who wait
//!    in the order of their bodies' shares ([`queue`]), within the body's own limit.
//!
//! Steps 2 to 4 are tower layers, outermost first. What must hold: a body's limits are its own, so that what one is told
//! says nothing of another (R1): waits told come from its own counts or are constant. A turn is held while the node
//! works and never while it waits for the one who asks. Work past its point of no return runs in a task of its own,
//! because a deadline drops futures.

mod body;
mod bucket;
mod fair;
mod pass;
mod queue;
pub mod table;

use std::future::Future;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use chukei_wire::frame::Outcome;
use chukei_wire::result::ResultName;
use tokio::time::Instant;
use tower::limit::GlobalConcurrencyLimitLayer;
use tower::load_shed::LoadShedLayer;
use tower::timeout::TimeoutLayer;
use tower::{Service, ServiceBuilder, ServiceExt};

pub use body::{BodyLimit, Bounds, Pace, Way};
pub use fair::Turn;
pub use pass::Pass;

use fair::{Fair, Waiting};
use queue::FlowId;

/// Milliseconds after which a caller who found no room may try again.
pub const RETRY_AFTER_MS: u32 = 200;
/// No caller is told to wait longer than this, milliseconds.
const RETRY_AFTER_MAX_MS: u32 = 60_000;

/// What a caller is told that may try again when the role, or the body, is ready.
pub const NOT_READY: Outcome = Outcome::RetryAfter(ResultName::NotReady, 1_000);

/// Which limit a request met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub enum Reason {
    /// The body's requests a second.
    Rate,
    /// Its bytes a second.
    Bytes,
    /// No place to wait, or no turn in time.
    Room,
    /// Calls at once that read everything.
    Scans,
    /// What its rows take.
    Storage,
    /// The disk of the log fills, and others come first (R41).
    LogDisk,
}

impl Reason {
    /// Every reason, in the order of their numbers.
    pub const ALL: [Self; 6] =
        [Self::Rate, Self::Bytes, Self::Room, Self::Scans, Self::Storage, Self::LogDisk];

    /// As metrics name it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rate => "rate",
            Self::Bytes => "bytes",
            Self::Room => "room",
            Self::Scans => "scans",
            Self::Storage => "storage",
            Self::LogDisk => "log_disk",
        }
    }
}

/// Turned away before anything was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("over a limit: {}", reason.as_str())]
pub struct Shed {
    /// The limit.
    pub reason: Reason,
    /// When to come back, milliseconds, at least 1.
    pub retry_after_ms: u32,
}

impl Shed {
    fn after(reason: Reason, wait: Duration) -> Self {
        let ms = u32::try_from(wait.as_nanos().div_ceil(1_000_000)).unwrap_or(u32::MAX);
        Self { reason, retry_after_ms: ms.clamp(1, RETRY_AFTER_MAX_MS) }
    }

    /// By the disk of the log.
    pub(crate) fn of_log_disk(retry_after_ms: u32) -> Self {
        Self { reason: Reason::LogDisk, retry_after_ms }
    }

    /// What the caller is told.
    pub fn outcome(self) -> Outcome {
        Outcome::RetryAfter(ResultName::Overloaded, self.retry_after_ms)
    }
}

/// Why work was not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotDone {
    /// Shed before anything began.
    Shed(Shed),
    /// The deadline passed.
    DeadlinePassed,
}

/// The turns of one role. Cloning shares them.
#[derive(Clone)]
pub struct Admission {
    fair: Arc<Fair>,
}

impl Admission {
    /// At most `limit` requests of the role at once.
    pub fn new(limit: usize) -> Self {
        Self { fair: Fair::new(limit) }
    }

    /// The limits of one more body, which the log calls `name`. They last as long as the role.
    pub fn body(&self, name: impl Into<String>, bounds: Bounds) -> BodyLimit {
        BodyLimit::new(name.into(), bounds, self.fair.add_flow(bounds.weight, bounds.in_flight))
    }

    /// How many wait for their turn.
    pub fn waiting(&self) -> usize {
        self.fair.waiting()
    }

    /// Waits for a turn no longer than `wait`. `in_stream`: the one who asks sends nothing more meanwhile.
    pub async fn turn(
        &self,
        body: &BodyLimit,
        cost: u32,
        wait: Duration,
        in_stream: bool,
    ) -> Result<Turn, Shed> {
        let service = ServiceBuilder::new()
            .layer(LoadShedLayer::new())
            .layer(GlobalConcurrencyLimitLayer::with_semaphore(body.waiting(in_stream)))
            .layer(TimeoutLayer::new(wait))
            .service(TakeTurn { fair: self.fair.clone(), flow: body.flow() });
        let room = |_| body.shed(Reason::Room, Duration::from_millis(u64::from(RETRY_AFTER_MS)));
        service.oneshot(cost).await.map_err(room)
    }

    /// Runs `work` in its turn, or says why not. `deadline` is for the wait and the work together. A request
    /// waits only where as much time is left behind the wait: who is told nothing before its deadline has not been told (R40).
    pub async fn run<F: Future>(
        &self,
        body: &BodyLimit,
        deadline: Duration,
        work: F,
    ) -> Result<F::Output, NotDone> {
        let until = Instant::now() + deadline;
        let wait = Some(body.bounds().wait).filter(|wait| *wait <= deadline / 2).unwrap_or_default();
        let _turn = self.turn(body, 1, wait, false).await.map_err(NotDone::Shed)?;
        tokio::time::timeout_at(until, work).await.map_err(|_| NotDone::DeadlinePassed)
    }
}

/// The innermost service: the request is the cost of a turn, the answer is the turn.
#[derive(Clone)]
struct TakeTurn {
    fair: Arc<Fair>,
    flow: FlowId,
}

impl Service<u32> for TakeTurn {
    type Response = Turn;
    type Error = fair::NoTurn;
    type Future = Waiting;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, cost: u32) -> Waiting {
        self.fair.take(self.flow, cost)
    }
}

#[cfg(test)]
mod tests;
