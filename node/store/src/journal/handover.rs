//! A log that goes from the journal's files to a server's table or back, while it grows.
//!
//! What must hold: numbers go on without a gap; the new place has every entry, durably, before anybody says that the
//! log is there; until then the old one has, whatever happens; what waits meanwhile takes its way in order.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Journal;
use super::error::JournalError;
use super::restore::Restoring;
use super::routes::{LogPlace, Route, Routes, Waiting, Way, waited};
use super::table::PuttingBack;
use super::writer::Job;

/// How long a log that is held may take until its last entry is durable.
const DRAINED_WITHIN: Duration = Duration::from_secs(30);
const LOOK_AGAIN: Duration = Duration::from_micros(500);

/// A log on its way to the other place. Its calls but [`LogMove::begin`] and [`LogMove::hold`] block. Dropped, it leaves the log where it was,
/// and something at the other place that [`Journal::retire`] removes.
pub struct LogMove {
    journal: Arc<Journal>,
    partition: String,
    from: LogPlace,
    copy: Copy,
    /// The next number to be copied.
    next: u64,
}

enum Copy {
    ToFiles(Restoring),
    ToServer(PuttingBack),
}

impl Copy {
    fn to(&self) -> LogPlace {
        match self {
            Self::ToFiles(_) => LogPlace::Files,
            Self::ToServer(_) => LogPlace::Server,
        }
    }
}

impl LogMove {
    /// Begins. The other place has nothing of this log ([`JournalError::NotEmpty`]); where that is a server, the body's
    /// partition is open there.
    pub async fn begin(journal: &Arc<Journal>, partition: &str, to: LogPlace) -> Result<Self, JournalError> {
        if let (LogPlace::Server, Some(table)) = (to, journal.routes.table()) {
            table.adopt(partition).await?;
        }
        let (journal, partition) = (Arc::clone(journal), partition.to_owned());
        let begun = tokio::task::spawn_blocking(move || Self::begin_now(&journal, &partition, to)).await;
        begun.unwrap_or(Err(JournalError::Failed))
    }

    fn begin_now(journal: &Arc<Journal>, partition: &str, to: LogPlace) -> Result<Self, JournalError> {
        let (first, given_up) = journal.first_number(partition);
        let copy = match to {
            LogPlace::Files => Copy::ToFiles(journal.shared.begin_restore(partition, first, given_up)?),
            LogPlace::Server => {
                let table = journal.routes.table().ok_or(JournalError::NotOwned)?;
                Copy::ToServer(table.begin_restore(partition, first, given_up)?)
            }
        };
        let (journal, from) = (Arc::clone(journal), journal.routes.place(partition));
        Ok(Self { journal, partition: partition.to_owned(), from, copy, next: first })
    }

    /// Copies what is durable and not copied yet; how many entries.
    pub fn catch_up(&mut self) -> Result<u64, JournalError> {
        let before = self.next;
        let (copy, next) = (&mut self.copy, &mut self.next);
        let entries = self.journal.read(&self.partition, before).inspect(|entry| {
            *next = entry.as_ref().map_or(*next, |entry| entry.seq + 1);
        });
        match copy {
            Copy::ToFiles(restoring) => self.journal.shared.put_entries(restoring, entries)?,
            Copy::ToServer(putting) => {
                let table = self.journal.routes.table().ok_or(JournalError::NotOwned)?;
                table.put_entries(putting, entries)?;
            }
        }
        Ok(self.next - before)
    }

    /// Entries wait from now on, until the guard says where they go.
    pub fn hold(&self) -> HeldLog {
        let mut routes = self.journal.routes.change();
        let given = match self.from {
            LogPlace::Files => self.journal.shared.given.alone().last(&self.partition).unwrap_or(0),
            LogPlace::Server => self.journal.routes.table().map_or(0, |table| table.given(&self.partition)),
        };
        let way = Way::Held(Waiting::after(given).into());
        routes.insert(self.partition.clone(), Route { place: self.from, way });
        drop(routes);
        HeldLog {
            journal: Arc::clone(&self.journal),
            partition: self.partition.clone(),
            from: self.from,
            to: self.copy.to(),
            given,
        }
    }

    /// Copies the rest of a log that was held after number `given`, and makes it durable that it is the whole log.
    pub fn copy_rest(&mut self, given: u64) -> Result<(), JournalError> {
        let until = Instant::now() + DRAINED_WITHIN;
        while self.journal.last_number(&self.partition) < given {
            // What failed on its way has given its number back: then the log is not what was held.
            if self.journal.failed() || Instant::now() >= until {
                return Err(JournalError::Failed);
            }
            std::thread::sleep(LOOK_AGAIN);
        }
        self.catch_up()?;
        if self.next != given + 1 {
            return Err(JournalError::NotInSequence);
        }
        match &self.copy {
            Copy::ToFiles(restoring) => self.journal.shared.complete_restore(restoring).map(drop),
            Copy::ToServer(putting) => {
                let table = self.journal.routes.table().ok_or(JournalError::NotOwned)?;
                table.complete_restore(putting).map(drop)
            }
        }
    }
}

/// A log whose entries wait. Dropped, they go on in the old place.
pub struct HeldLog {
    journal: Arc<Journal>,
    partition: String,
    from: LogPlace,
    to: LogPlace,
    given: u64,
}

impl HeldLog {
    /// The last number that was given before.
    pub fn given(&self) -> u64 {
        self.given
    }

    /// From now on the log is in the new place, which has all of it.
    pub fn go_on_there(mut self) {
        self.from = self.to;
    }

    /// Nobody knows which place has the log: what waits is refused, and so is everything until the log is adopted anew.
    pub fn shut(self) {
        let shut = Route { place: self.from, way: Way::Shut };
        let refused = self.journal.routes.change().insert(self.partition.clone(), shut);
        waited(refused).into_iter().for_each(|job| job.refuse(JournalError::Fenced));
    }
}

impl Drop for HeldLog {
    fn drop(&mut self) {
        let mut routes = self.journal.routes.change();
        if !matches!(routes.get(&self.partition), Some(Route { way: Way::Held(_), .. })) {
            return;
        }
        let jobs = waited(routes.remove(&self.partition));
        Routes::set_open(&mut routes, &self.partition, self.from);
        // Under the lock: nobody is numbered before those that waited.
        match self.from {
            LogPlace::Files => self.journal.shared.enqueue_numbered(jobs),
            LogPlace::Server => match self.journal.routes.table() {
                Some(table) => table.enqueue_numbered(jobs),
                None => jobs.into_iter().for_each(|job| job.refuse(JournalError::NotOwned)),
            },
        }
    }
}

impl Journal {
    /// Removes everything of a log that is not in use in this place: what a move left, or was copying when it broke off.
    /// Where that is a server, the body's partition is open there. Blocking.
    pub fn retire(&self, partition: &str, place: LogPlace) -> Result<(), JournalError> {
        match place {
            LogPlace::Files => self.shared.retire(partition),
            LogPlace::Server => self.routes.table().ok_or(JournalError::NotOwned)?.retire(partition),
        }
    }
}

impl super::Shared {
    /// Queues entries that have their numbers, all or none behind the first that finds no room.
    fn enqueue_numbered(&self, jobs: impl IntoIterator<Item = Job>) {
        let mut given = self.given.alone();
        let mut refused = false;
        for job in jobs {
            refused |= self.refuses() || self.queue.is_full();
            if refused {
                job.refuse(JournalError::Full);
                continue;
            }
            let (partition, number, bytes) = (job.head.partition.clone(), job.number, job.bytes());
            let slack = job.head.slack.time();
            match self.queue.push_within(job, bytes, slack) {
                Ok(_) => given.set(&partition, number),
                // Dropped with the queue that took it: its caller is told that it failed.
                Err(_) => refused = true,
            }
        }
    }
}
