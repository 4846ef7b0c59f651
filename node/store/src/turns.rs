//! Turns to read, for reads that have to wait for the disk or for a connection: so many at a time, so many more in line,
//! and nobody for long (R40).

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::error::StoreError;

/// How long a read waits for its turn.
pub(crate) const FOR_A_TURN: Duration = Duration::from_secs(5);
/// How long a read may take that was begun.
pub(crate) const FOR_A_READ: Duration = Duration::from_secs(30);
/// How long one may take that walks all rows of a body.
pub(crate) const FOR_A_WALK: Duration = Duration::from_secs(60);

/// The right to read, until it is dropped.
pub(crate) type Turn = OwnedSemaphorePermit;

/// So many turns at a time.
pub(crate) struct Turns {
    free: Arc<Semaphore>,
    in_line: AtomicUsize,
    longest_line: usize,
}

/// A place in the line, until it is dropped.
struct InLine<'a>(&'a AtomicUsize);

impl Drop for InLine<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Turns {
    pub(crate) fn new(at_a_time: usize, longest_line: usize) -> Self {
        Self { free: Arc::new(Semaphore::new(at_a_time)), in_line: AtomicUsize::new(0), longest_line }
    }

    /// A turn that is free; [`StoreError::Busy`] if none is.
    pub(crate) fn try_take(&self) -> Result<Turn, StoreError> {
        Arc::clone(&self.free).try_acquire_owned().map_err(|_| StoreError::Busy)
    }

    /// A turn, when it is this reader's; [`StoreError::Busy`] behind a line that is full.
    pub(crate) async fn take(&self) -> Result<Turn, StoreError> {
        if let Ok(turn) = self.try_take() {
            return Ok(turn);
        }
        let before = self.in_line.fetch_add(1, Ordering::AcqRel);
        let _in_line = InLine(&self.in_line);
        if before >= self.longest_line {
            return Err(StoreError::Busy);
        }
        Arc::clone(&self.free).acquire_owned().await.map_err(|_| StoreError::Stopped)
    }
}

/// Waits for a turn no longer than is said here: [`StoreError::Busy`] then.
pub(crate) async fn turn<T>(waiting: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
    within(FOR_A_TURN, waiting).await.unwrap_or(Err(StoreError::Busy))
}

/// Waits for a read no longer than `limit`. It goes on where it is; nobody waits for it any more.
pub(crate) async fn read<T>(
    limit: Duration,
    reading: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    let late = || Err(io::Error::from(io::ErrorKind::TimedOut).into());
    within(limit, reading).await.unwrap_or_else(late)
}

/// `None` when the time is over. Who has no runtime has no clock to be woken by, and is the only one to wait.
async fn within<T>(limit: Duration, work: impl Future<Output = T>) -> Option<T> {
    if Handle::try_current().is_err() { Some(work.await) } else { timeout(limit, work).await.ok() }
}

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::time::Duration;

    use super::{Turns, read, within};
    use crate::error::StoreError;

    #[tokio::test]
    async fn turns_are_so_many_at_a_time_and_so_many_in_line() {
        let turns = Turns::new(1, 1);
        let held = turns.take().await.unwrap();
        assert!(matches!(turns.try_take(), Err(StoreError::Busy)));
        for _ in 0..2 {
            let mut in_line = Box::pin(turns.take());
            assert!(within(Duration::from_millis(1), &mut in_line).await.is_none());
            assert!(matches!(turns.take().await, Err(StoreError::Busy)), "the line is full");
            // Who goes away leaves the line.
        }
        let in_line = turns.take();
        let (got, ()) = tokio::join!(in_line, async { drop(held) });
        drop(got.unwrap());
        assert!(turns.try_take().is_ok());
    }

    #[tokio::test]
    async fn turns_nobody_waits_for_a_read_without_end() {
        let late = read::<()>(Duration::from_millis(1), pending()).await;
        assert!(matches!(late, Err(StoreError::Io(_))));
        assert!(matches!(read(Duration::from_secs(60), async { Ok(1) }).await, Ok(1)));
    }
}
