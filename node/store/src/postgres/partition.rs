//! One body's rows on the server: reads go straight to a connection, batches through a bounded queue to one task.

use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::committer::{Committer, Job, touch};
use super::database::{Database, serves_connections};
use super::failure::Failure;
use super::lease::{Lease, Leases, Taken};
use super::reads::Source;
use crate::batch::{Batch, MAX_BATCH_BYTES};
use crate::commit_queue::{PushError, QueueLimits, TaskQueue};
use crate::error::StoreError;
use crate::hold::hold;
use crate::partition::{BoxFuture, Compacted, Partition, Rows, Usage, Versioned, WriteFault};
use crate::reading::Reading;
use crate::row::RowKey;

/// What may wait for one body's task, and what shares one transaction.
const QUEUE: QueueLimits =
    QueueLimits { items: 1024, bytes: 2 * MAX_BATCH_BYTES, group_items: 1024, group_bytes: MAX_BATCH_BYTES };

/// How long dropping a partition waits for what is queued and for giving the lease back.
const CLOSE_WITHIN: Duration = Duration::from_secs(15);

/// A body that this process owns. Dropping it writes what is queued and gives the lease back.
pub(super) struct PostgresPartition {
    shared: Arc<Shared>,
    closed: Mutex<mpsc::Receiver<()>>,
}

struct Shared {
    database: Arc<Database>,
    body: Arc<str>,
    lease: Arc<Lease>,
    queue: TaskQueue<Job>,
    fault: Mutex<Option<WriteFault>>,
}

impl PostgresPartition {
    /// Serves a body that was just taken; the task ends after the partition was dropped.
    pub(super) fn serve(
        database: Arc<Database>,
        leases: Arc<Leases>,
        body: &str,
        taken: Taken,
    ) -> Result<(Self, JoinHandle<()>), StoreError> {
        let Taken { lease, version } = taken;
        let shared = Arc::new(Shared {
            database: Arc::clone(&database),
            body: Arc::from(body),
            lease: Arc::clone(&lease),
            queue: TaskQueue::new(QUEUE),
            fault: Mutex::default(),
        });
        let committer =
            Committer { database: Arc::clone(&database), body: Arc::clone(&shared.body), lease, version };
        let (ended, closed) = mpsc::channel();
        let task = Arc::clone(&shared);
        let handle = database.handle().ok_or(StoreError::Stopped)?.spawn(async move {
            task.serve(committer).await;
            if let Err(failure) = leases.release(&task.database, &task.body, &task.lease).await {
                tracing::warn!(code = failure.into_store_error().code(), "a lease was not given back");
            }
            let _ = ended.send(());
        });
        Ok((Self { shared, closed: Mutex::new(closed) }, handle))
    }

    fn read<T, F>(&self, read: impl FnOnce(Arc<Shared>) -> F) -> Reading<T>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, StoreError>> + Send + 'static,
    {
        let turn = match self.shared.database.reads.try_take() {
            Ok(turn) => turn,
            Err(busy) => return Reading::now(Err(busy)),
        };
        let reading = read(Arc::clone(&self.shared));
        Reading::later(self.shared.database.run(async move {
            let _turn = turn;
            reading.await
        }))
    }
}

impl Shared {
    fn source(&self) -> Source<'_> {
        Source { database: &self.database, body: &self.body, lease: &self.lease }
    }

    /// Commits what waits, group after group, until the partition is dropped and the queue is empty.
    async fn serve(&self, mut committer: Committer) {
        let mut group = Vec::new();
        while self.queue.take_group(&mut group).await {
            self.commit(&mut committer, &mut group).await;
        }
    }

    async fn commit(&self, committer: &mut Committer, group: &mut Vec<Job>) {
        // Who waits behind a server that was not there a moment ago is told sooner.
        let patient = hold(&self.fault).is_none() && !self.queue.is_closed();
        match committer.commit(group, patient).await {
            Ok(outcomes) => {
                self.note(None);
                for (job, outcome) in group.drain(..).zip(outcomes) {
                    // A caller that went away no longer wants to know.
                    let _ = job.done.send(outcome);
                }
            }
            Err(failure) => {
                self.note_failure(&failure);
                let error = failure.into_store_error();
                tracing::warn!(body = %self.body, code = error.code(), cause = %error, "batches were not committed");
                for job in group.drain(..) {
                    let _ = job.done.send(Err(error.again()));
                }
            }
        }
    }

    fn note_failure(&self, failure: &Failure) {
        match failure {
            Failure::Again => {}
            Failure::Fenced => self.lease.lose(),
            Failure::Gone | Failure::Unknown | Failure::Refused(StoreError::Refused(_)) => {
                self.note(Some(WriteFault::Unreachable))
            }
            Failure::ReadOnly => self.note(Some(WriteFault::ReadOnly)),
            Failure::Refused(StoreError::DiskFull) => self.note(Some(WriteFault::DiskFull)),
            Failure::Refused(StoreError::Corrupt) => self.note(Some(WriteFault::Corrupt)),
            Failure::Refused(_) => self.note(Some(WriteFault::Disk)),
        }
    }

    fn note(&self, fault: Option<WriteFault>) {
        *hold(&self.fault) = fault;
    }

    fn write_fault(&self) -> Option<WriteFault> {
        match self.lease.holds() {
            Err(Failure::Fenced) => Some(WriteFault::Fenced),
            Err(_) => Some(WriteFault::Unreachable),
            Ok(()) => *hold(&self.fault),
        }
    }

    async fn recover(&self) -> Option<WriteFault> {
        if self.write_fault().is_some() {
            match touch(&self.database, &self.body, &self.lease).await {
                Ok(_) => self.note(None),
                Err(failure) => self.note_failure(&failure),
            }
        }
        self.write_fault()
    }

    fn enqueue(&self, batch: Batch) -> Result<oneshot::Receiver<Result<(), StoreError>>, StoreError> {
        batch.check()?;
        if matches!(self.lease.holds(), Err(Failure::Fenced)) {
            return Err(StoreError::Fenced);
        }
        let bytes = batch.bytes();
        let (done, answer) = oneshot::channel();
        self.queue.push(Job { batch, done }, bytes).map_err(|error| match error {
            PushError::Full => StoreError::Busy,
            PushError::Closed => StoreError::Stopped,
        })?;
        Ok(answer)
    }
}

impl Partition for PostgresPartition {
    fn get_many(&self, keys: &[RowKey]) -> Reading<Vec<Option<Versioned>>> {
        let keys = keys.to_vec();
        self.read(|shared| async move { shared.source().get_many(&keys).await })
    }

    fn scan(&self, prefix: &RowKey, after: Option<&RowKey>, limit: usize) -> Reading<Rows> {
        let (prefix, after) = (prefix.clone(), after.cloned());
        self.read(move |shared| async move { shared.source().scan(&prefix, after.as_ref(), limit).await })
    }

    fn apply(&self, batch: Batch) -> BoxFuture<Result<(), StoreError>> {
        let queued = self.shared.enqueue(batch);
        // The task answers every job it takes; if it ended without, the outcome is unknown.
        Box::pin(async move { queued?.await.unwrap_or(Err(StoreError::Stopped)) })
    }

    fn count(&self, prefix: &RowKey) -> Reading<u64> {
        let prefix = prefix.clone();
        self.read(move |shared| async move { shared.source().count(&prefix).await })
    }

    fn usage(&self) -> Reading<Usage> {
        self.read(|shared| async move { shared.source().usage().await })
    }

    /// Nothing: the server's own vacuum gives space back.
    fn compact(&self) -> BoxFuture<Result<Compacted, StoreError>> {
        Box::pin(async { Ok(Compacted::default()) })
    }

    fn epoch(&self) -> u64 {
        self.shared.lease.epoch()
    }

    fn fault(&self) -> Option<WriteFault> {
        self.shared.write_fault()
    }

    fn recover(&self) -> BoxFuture<Option<WriteFault>> {
        let shared = Arc::clone(&self.shared);
        let tried = self.shared.database.run(async move { Ok(shared.recover().await) });
        Box::pin(async move { tried.await.unwrap_or(Some(WriteFault::Unreachable)) })
    }
}

impl Drop for PostgresPartition {
    fn drop(&mut self) {
        self.shared.queue.close();
        // The task needs this very thread where a handle is dropped that nobody waited for; who opens the body next
        // waits for the task.
        if !serves_connections() {
            let _ = hold(&self.closed).recv_timeout(CLOSE_WITHIN);
        }
    }
}
