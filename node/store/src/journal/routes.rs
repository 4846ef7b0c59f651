//! Where the log of each partition lies: in this journal's files, or in the table of a server with the body's rows.
//!
//! What must hold: an entry takes the way that is open when it is numbered. While a log changes hands its entries are
//! numbered and wait here, and go in order to whichever place has the log afterwards.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, OnceLock, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use tokio::sync::oneshot;

use super::entry::Head;
use super::error::JournalError;
use super::table::TableJournal;
use super::writer::Job;
use crate::hold::hold;

/// Entries that may wait while a log changes hands, and their bytes: fewer than either place queues.
const MAX_WAITING: (usize, usize) = (1024, 8 << 20);

/// Where a log lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogPlace {
    /// In the journal's files.
    Files,
    /// In a table of the server that has the body's rows.
    Server,
}

/// The way of one partition's entries.
pub(super) struct Route {
    pub(super) place: LogPlace,
    pub(super) way: Way,
}

pub(super) enum Way {
    Open,
    /// The log is changing hands.
    Held(Mutex<Waiting>),
    /// Nobody knows who has the log until the body was opened anew.
    Shut,
}

/// Entries that are numbered and wait.
pub(super) struct Waiting {
    /// The number given last.
    pub(super) given: u64,
    pub(super) jobs: VecDeque<Job>,
    bytes: usize,
}

impl Waiting {
    pub(super) fn after(given: u64) -> Self {
        Self { given, jobs: VecDeque::new(), bytes: 0 }
    }

    pub(super) fn take(
        &mut self,
        head: Head,
        seal: impl FnOnce(u64) -> Result<Vec<u8>, JournalError>,
    ) -> Result<oneshot::Receiver<Result<u64, JournalError>>, JournalError> {
        if self.jobs.len() >= MAX_WAITING.0 || self.bytes >= MAX_WAITING.1 {
            return Err(JournalError::Full);
        }
        let (job, answer) = Job::sealed_by(head, self.given + 1, seal)?;
        self.given = job.number;
        self.bytes += job.bytes();
        self.jobs.push_back(job);
        Ok(answer)
    }
}

/// A server that keeps logs.
struct Server {
    table: TableJournal,
    /// Partitions that belong to the node alone: they stay in its files.
    local: Vec<String>,
}

/// The ways of all partitions. Those that are not named go to the files where no server keeps any, and nowhere else.
#[derive(Default)]
pub(super) struct Routes {
    server: OnceLock<Server>,
    others: RwLock<HashMap<String, Route>>,
}

impl Routes {
    pub(super) fn attach(
        &self,
        local: &[&str],
        table: impl FnOnce() -> Result<TableJournal, JournalError>,
    ) -> Result<(), JournalError> {
        let _alone = self.change();
        if self.server.get().is_none() {
            let local = local.iter().map(|name| (*name).to_owned()).collect();
            // Nobody else sets it meanwhile.
            let _ = self.server.set(Server { table: table()?, local });
        }
        Ok(())
    }

    pub(super) fn table(&self) -> Option<&TableJournal> {
        self.server.get().map(|server| &server.table)
    }

    /// Whether entries of a partition that is not named go to the files.
    pub(super) fn is_local(&self, partition: &str) -> bool {
        self.server.get().is_none_or(|server| server.local.iter().any(|name| name == partition))
    }

    pub(super) fn place(&self, partition: &str) -> LogPlace {
        self.look().get(partition).map_or(LogPlace::Files, |route| route.place)
    }

    /// The table, where the log of this partition lies there.
    pub(super) fn table_of(&self, partition: &str) -> Option<&TableJournal> {
        (self.place(partition) == LogPlace::Server).then(|| self.table()).flatten()
    }

    pub(super) fn open(&self, partition: &str, place: LogPlace) {
        Self::set_open(&mut self.change(), partition, place);
    }

    pub(super) fn set_open(routes: &mut HashMap<String, Route>, partition: &str, place: LogPlace) {
        routes.insert(partition.to_owned(), Route { place, way: Way::Open });
    }

    /// Nobody changes a way while this is held.
    pub(super) fn look(&self) -> RwLockReadGuard<'_, HashMap<String, Route>> {
        self.others.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Nobody numbers an entry while this is held.
    pub(super) fn change(&self) -> RwLockWriteGuard<'_, HashMap<String, Route>> {
        self.others.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What waited, when it is known who has the log.
pub(super) fn waited(route: Option<Route>) -> VecDeque<Job> {
    match route {
        Some(Route { way: Way::Held(waiting), .. }) => std::mem::take(&mut hold(&waiting).jobs),
        _ => VecDeque::new(),
    }
}
