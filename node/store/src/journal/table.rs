//! The journal as tables of a PostgreSQL server, for bodies that any node may take over.
//!
//! One task writes for all bodies: what waits becomes one insert of many rows in one transaction, which locks the epoch
//! of each body in it. A row's number is given here, by the owner alone. So an insert of unknown outcome is repeated: it
//! finds its own rows and writes them as they are, durably, or finds others' and is told that it is owner no more.
//!
//! Numbers are read once, when a body is adopted; what is being put back is not seen before it is whole.

mod commit;
mod read;
mod sql;
mod upkeep;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use tokio::sync::oneshot;

use super::checkpoint::GivenUp;
use super::entry::Head;
use super::error::JournalError;
use super::options::JournalOptions;
use super::writer::Job;
use super::{block, hold};
use crate::commit_queue::{PushError, QueueLimits, TaskQueue};
use crate::folder;
use crate::postgres::PostgresEngine;
use crate::postgres::database::Database;
use crate::postgres::failure::Failure;
use crate::postgres::lease::{Lease, Leases};
pub(super) use read::TableReader;
use sql::Statements;
pub(super) use upkeep::PuttingBack;

/// Entries that one transaction inserts at most.
const GROUP: usize = 4096;
/// How long closing waits for what is queued.
const CLOSE_WITHIN: Duration = Duration::from_secs(15);

/// The journal of the bodies that this process owns on a server. Dropping it writes what is queued.
pub(super) struct TableJournal {
    shared: Arc<Shared>,
    closed: Mutex<mpsc::Receiver<()>>,
}

struct Shared {
    database: Arc<Database>,
    leases: Arc<Leases>,
    sql: Statements,
    options: JournalOptions,
    queue: TaskQueue<Job>,
    /// Set after an insert whose outcome could not be found out, until the numbers were read anew.
    failed: AtomicBool,
    /// Held while an entry is queued: the queue is in order of the numbers.
    owned: Mutex<HashMap<String, Owned>>,
}

/// A body whose journal this process writes.
struct Owned {
    lease: Arc<Lease>,
    /// The number given last.
    given: u64,
    log: Log,
}

/// How far a body's journal has come.
#[derive(Clone, Copy)]
struct Log {
    first: u64,
    given_up: Option<GivenUp>,
    /// The last number that is durable.
    last: u64,
}

impl Log {
    const EMPTY: Self = Self { first: 1, given_up: None, last: 0 };
}

impl TableJournal {
    pub(super) fn new(engine: &PostgresEngine, options: JournalOptions) -> Result<Self, JournalError> {
        let (database, leases) = engine.parts();
        let limits = QueueLimits {
            items: options.queue_entries,
            bytes: options.queue_bytes,
            group_items: GROUP,
            group_bytes: block::MAX_GROUP_BYTES,
        };
        let shared = Arc::new(Shared {
            sql: Statements::new(&database.schema),
            database,
            leases,
            options,
            queue: TaskQueue::new(limits),
            failed: AtomicBool::new(false),
            owned: Mutex::default(),
        });
        let (ended, closed) = mpsc::channel();
        let task = Arc::clone(&shared);
        shared.database.handle().ok_or(JournalError::Unreachable)?.spawn(async move {
            task.serve().await;
            let _ = ended.send(());
        });
        Ok(Self { shared, closed: Mutex::new(closed) })
    }

    /// Takes over the journal of a body that this process has just opened.
    pub(super) async fn adopt(&self, body: &str) -> Result<(), JournalError> {
        let (shared, body) = (Arc::clone(&self.shared), body.to_owned());
        let adopted = self.shared.database.run(async move {
            let lease = shared.leases.held(&body).ok_or(crate::StoreError::Fenced)?;
            let log = shared.found(&body, &lease).await.map_err(Failure::into_store_error)?;
            hold(&shared.owned).insert(body, Owned { lease, given: log.last, log });
            Ok(())
        });
        adopted.await.map_err(JournalError::from)
    }

    pub(super) fn append(
        &self,
        head: Head,
        seal: impl FnOnce(u64) -> Result<Vec<u8>, JournalError>,
    ) -> Result<oneshot::Receiver<Result<u64, JournalError>>, JournalError> {
        folder::check_name(&head.partition).map_err(|_| JournalError::BadName)?;
        let mut all = hold(&self.shared.owned);
        let owned = all.get_mut(&head.partition).ok_or(JournalError::NotOwned)?;
        owned.lease.holds().map_err(Failure::into_store_error)?;
        if self.shared.failed.load(Ordering::Acquire) {
            return Err(JournalError::Failed);
        }
        if self.shared.queue.is_full() {
            return Err(JournalError::Full);
        }
        let (job, answer) = Job::sealed_by(head, owned.given + 1, seal)?;
        let (number, bytes, slack) = (job.number, job.bytes(), job.head.slack.time());
        self.shared.queue.push_within(job, bytes, slack).map_err(|error| match error {
            PushError::Full => JournalError::Full,
            PushError::Closed => JournalError::Failed,
        })?;
        owned.given = number;
        Ok(answer)
    }

    /// Queues entries that have their numbers, all or none behind the first that finds no room.
    pub(super) fn enqueue_numbered(&self, jobs: impl IntoIterator<Item = Job>) {
        let mut all = hold(&self.shared.owned);
        let mut refused = false;
        for job in jobs {
            let owned = all.get_mut(&job.head.partition).filter(|owned| owned.lease.holds().is_ok());
            refused |= self.shared.failed.load(Ordering::Acquire) || self.shared.queue.is_full();
            let Some(owned) = owned.filter(|_| !refused) else {
                refused = true;
                job.refuse(JournalError::Full);
                continue;
            };
            let (number, bytes, slack) = (job.number, job.bytes(), job.head.slack.time());
            match self.shared.queue.push_within(job, bytes, slack) {
                Ok(()) => owned.given = number,
                // Dropped with the queue that took it: its caller is told that it failed.
                Err(_) => refused = true,
            }
        }
    }

    /// The number given last.
    pub(super) fn given(&self, body: &str) -> u64 {
        hold(&self.shared.owned).get(body).map_or(0, |owned| owned.given)
    }

    pub(super) fn last_number(&self, body: &str) -> u64 {
        self.shared.log(body).map_or(0, |log| log.last)
    }

    pub(super) fn first_number(&self, body: &str) -> (u64, Option<GivenUp>) {
        self.shared.log(body).map_or((1, None), |log| (log.first, log.given_up))
    }

    pub(super) fn queue_depth(&self) -> usize {
        self.shared.queue.depth()
    }

    pub(super) fn failed(&self) -> bool {
        self.shared.failed.load(Ordering::Acquire)
    }

    pub(super) fn read(&self, body: &str, from: u64) -> TableReader {
        TableReader::new(Arc::clone(&self.shared), body, from)
    }
}

impl Shared {
    fn log(&self, body: &str) -> Option<Log> {
        hold(&self.owned).get(body).map(|owned| owned.log)
    }
}

impl Drop for TableJournal {
    fn drop(&mut self) {
        self.shared.queue.close();
        let _ = hold(&self.closed).recv_timeout(CLOSE_WITHIN);
    }
}
