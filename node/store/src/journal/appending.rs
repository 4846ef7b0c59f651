//! The way of an entry into the queue: it gets its number there, and is answered when it is durable.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};

use tokio::sync::oneshot;

use super::entry::{Entry, Head};
use super::error::JournalError;
use super::routes::{LogPlace, Route, Way};
use super::slack::Slack;
use super::writer::Job;
use super::{Journal, Shared};
use crate::commit_queue::PushError;
use crate::hold::hold;

impl Journal {
    /// Queues an entry at once; the future resolves to its number within its partition when it is durable.
    /// Dropping the future does not take the entry back.
    pub fn append(&self, entry: Entry) -> Appending {
        self.append_within(Slack::NONE, entry)
    }

    /// As [`Journal::append`], of an entry that may wait for others.
    pub fn append_within(&self, slack: Slack, entry: Entry) -> Appending {
        let Entry { partition, kind, at_ms, replay, sealed } = entry;
        self.append_sealed_with(&partition, kind, at_ms, replay, slack, |_| Ok::<_, JournalError>(sealed))
    }

    /// As [`Journal::append`], for content that is bound to its number: `seal` is called at once, in the calling
    /// thread, with the number that the entry gets, while the order of its partition is held: it must be quick. If it
    /// fails, the number is given to the next entry.
    pub fn append_sealed_with<E>(
        &self,
        partition: &str,
        kind: u8,
        at_ms: u64,
        replay: Option<[u8; 16]>,
        slack: Slack,
        seal: impl FnOnce(u64) -> Result<Vec<u8>, E>,
    ) -> Appending
    where
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let head = Head { partition: partition.to_owned(), kind, at_ms, replay, slack };
        let seal = |number| seal(number).map_err(|error| JournalError::Seal(error.into()));
        Appending(self.enqueue(partition, head, seal))
    }

    fn enqueue(
        &self,
        partition: &str,
        head: Head,
        seal: impl FnOnce(u64) -> Result<Vec<u8>, JournalError>,
    ) -> Result<oneshot::Receiver<Result<u64, JournalError>>, JournalError> {
        // Held until the entry is queued: no way is changed while it has a number and no place.
        let routes = self.routes.look();
        match (routes.get(partition), self.routes.table()) {
            (None, _) if self.routes.is_local(partition) => self.shared.enqueue(partition, head, seal),
            (None, _) => Err(JournalError::NotOwned),
            (Some(Route { way: Way::Open, place: LogPlace::Files }), _) => {
                self.shared.enqueue(partition, head, seal)
            }
            (Some(Route { way: Way::Held(waiting), .. }), _) => hold(waiting).take(head, seal),
            (Some(Route { way: Way::Open, place: LogPlace::Server }), Some(table)) => {
                table.append(head, seal)
            }
            (Some(_), _) => Err(JournalError::Fenced),
        }
    }
}

impl Shared {
    /// Whether everything is refused for now.
    pub(super) fn refuses(&self) -> bool {
        self.failed.load(Ordering::Acquire) || self.unsettled.load(Ordering::Acquire)
    }

    fn enqueue(
        &self,
        partition: &str,
        head: Head,
        seal: impl FnOnce(u64) -> Result<Vec<u8>, JournalError>,
    ) -> Result<oneshot::Receiver<Result<u64, JournalError>>, JournalError> {
        self.given.give(partition, |number| {
            if self.refuses() {
                return Err(JournalError::Failed);
            }
            if self.queue.is_full() {
                return Err(JournalError::Full);
            }
            let (job, answer) = Job::sealed_by(head, number, seal)?;
            self.push(job)?;
            Ok(answer)
        })
    }

    fn push(&self, job: Job) -> Result<(), JournalError> {
        let (bytes, slack) = (job.bytes(), job.head.slack.time());
        let pushed = self.queue.push_within(job, bytes, slack).map(drop);
        pushed.map_err(|error| match error {
            PushError::Full => JournalError::Full,
            PushError::Closed => JournalError::Failed,
        })
    }
}

/// An entry on its way; resolves to its number within its partition when it is durable.
#[derive(Debug)]
#[must_use = "nothing is durable before this resolves"]
pub struct Appending(Result<oneshot::Receiver<Result<u64, JournalError>>, JournalError>);

impl Future for Appending {
    type Output = Result<u64, JournalError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.0 {
            // The thread answers every job it takes; if it ended without, the outcome is unknown.
            Ok(answer) => {
                Pin::new(answer).poll(context).map(|answer| answer.unwrap_or(Err(JournalError::Failed)))
            }
            refused => Poll::Ready(std::mem::replace(refused, Err(JournalError::Failed)).map(|_| 0)),
        }
    }
}
