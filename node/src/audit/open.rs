//! Requests of a body that are authorised, and whose outcome is not durable yet.
//!
//! What must hold: what is authorised durably gets its outcome. One that the log refuses, because too much waits or its disk
//! fails, is queued again until it is durable; a process that ends before leaves it to the next start
//! ([`AuditLog::close_open_requests`]). Of what was never authorised durably no outcome is told. Bounded: a request for which
//! there is no room is not authorised. Deliberately absent: when it is tried again, see `inbound::outcomes`.

use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use chukei_domain::event::{Outcome, Target};
use chukei_store::journal::{Appending, JournalError};
use chukei_wire::id::RequestId;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::task::coop::unconstrained;

use crate::audit::log::{AuditError, AuditLog};

/// Requests of one body that are open at once: far more than the brokers' connections carry.
const OPEN_MAX: usize = 16_384;
/// Outcomes queued again at a time: few, beside whatever else waits.
const AGAIN: usize = 256;

/// Those of one log.
pub(super) struct OpenRequests {
    room: Arc<Semaphore>,
    ended: Mutex<Vec<Ended>>,
    some_ended: Notify,
}

/// Room for one request, until its outcome is durable.
#[derive(Debug)]
pub struct OpenPlace(#[expect(dead_code, reason = "held until it is dropped")] OwnedSemaphorePermit);

/// How a request ended.
pub struct Ending {
    /// Who asked.
    pub actor: String,
    /// The request.
    pub request: RequestId,
    /// About whom.
    pub target: Option<Target>,
    /// What became of it.
    pub outcome: Outcome,
}

/// What one look at the requests that have ended found.
pub(crate) struct Settled {
    /// Outcomes that are not durable yet.
    pub(crate) left: usize,
    /// Why one was refused since the last look.
    pub(crate) refused: Option<JournalError>,
}

/// A request that has ended.
struct Ended {
    ending: Ending,
    way: Way,
    /// Absent of what a stop left open.
    _place: Option<OpenPlace>,
}

/// How far an outcome has come.
enum Way {
    /// Its request's event is on its way: it may never become durable.
    Behind(Appending),
    /// It is to be queued.
    Due,
    /// It is on its way.
    Queued(Appending),
}

impl Default for OpenRequests {
    fn default() -> Self {
        Self { room: Arc::new(Semaphore::new(OPEN_MAX)), ended: Mutex::default(), some_ended: Notify::new() }
    }
}

impl OpenRequests {
    fn ended(&self) -> MutexGuard<'_, Vec<Ended>> {
        self.ended.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AuditLog {
    /// Room for one more request that may be authorised; [`JournalError::Full`] where too many are open.
    pub fn open_request(&self) -> Result<OpenPlace, AuditError> {
        let place = self.open.room.clone().try_acquire_owned();
        Ok(OpenPlace(place.map_err(|_| JournalError::Full)?))
    }

    /// A request has ended. `authorised` is its event, where that is not known to be durable. Queued at once where it is.
    pub fn end(&self, place: OpenPlace, ending: Ending, authorised: Option<Appending>, now_ms: u64) {
        let way = match authorised {
            Some(authorised) => Way::Behind(authorised),
            None => Way::Queued(self.outcome_of(&ending, now_ms)),
        };
        self.take(Ended { ending, way, _place: Some(place) });
    }

    /// What became of a request whose place nobody holds. Queued at once.
    pub fn outcome(
        &self,
        actor: &str,
        request: RequestId,
        target: Option<Target>,
        outcome: Outcome,
        now_ms: u64,
    ) {
        let ending = Ending { actor: actor.to_owned(), request, target, outcome };
        let way = Way::Queued(self.outcome_of(&ending, now_ms));
        self.take(Ended { ending, way, _place: None });
    }

    fn take(&self, ended: Ended) {
        self.open.ended().push(ended);
        self.open.some_ended.notify_one();
    }

    /// Returns once requests have ended since it returned last.
    pub(crate) async fn some_ended(&self) {
        self.open.some_ended.notified().await;
    }

    /// Looks what became of outcomes, and queues some of those again that were refused.
    pub(crate) fn settle(&self, now_ms: u64) -> Settled {
        // Taken out: nobody whose request ends waits for this.
        let mut ended = std::mem::take(&mut *self.open.ended());
        let (mut again, mut refused) = (AGAIN, None);
        ended.retain_mut(|ended| self.is_left(ended, now_ms, &mut again, &mut refused));
        let mut list = self.open.ended();
        list.append(&mut ended);
        Settled { left: list.len(), refused }
    }

    /// Takes it as far as it goes now; whether anything is left to do.
    fn is_left(
        &self,
        ended: &mut Ended,
        now_ms: u64,
        again: &mut usize,
        refused: &mut Option<JournalError>,
    ) -> bool {
        if let Way::Behind(authorised) = &mut ended.way {
            match now(authorised) {
                Poll::Pending => return true,
                Poll::Ready(Ok(_)) => ended.way = Way::Due,
                Poll::Ready(Err(_)) => return false,
            }
        }
        if let Way::Queued(outcome) = &mut ended.way {
            match now(outcome) {
                Poll::Pending => return true,
                Poll::Ready(Ok(_)) => return false,
                Poll::Ready(Err(error)) => {
                    ended.way = Way::Due;
                    *refused = Some(error);
                }
            }
        }
        if let Some(less) = again.checked_sub(1) {
            *again = less;
            ended.way = Way::Queued(self.outcome_of(&ended.ending, now_ms));
        }
        true
    }
}

/// What became of an entry, if that is known. Without a task's budget: with it, the 129th of one look would never be known.
fn now(appending: &mut Appending) -> Poll<Result<u64, JournalError>> {
    let known = pin!(unconstrained(appending));
    known.poll(&mut Context::from_waker(Waker::noop()))
}

#[cfg(test)]
mod tests;
