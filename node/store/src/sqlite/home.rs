//! One body's file and the connections with which it is read.
//!
//! A connection is taken without waiting where one is free, handed from reader to reader where none is, and opened
//! where fewer than the limit are. Whoever holds one holds the folder's lock too, so that nobody else opens the folder
//! while a read that outlived its partition is still under way.

use std::collections::VecDeque;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use rusqlite::Connection;
use tokio::sync::oneshot;

use super::body::Body;
use super::fault::FaultCell;
use super::options::SqliteOptions;
use super::residents::Residents;
use super::warmth::Warmth;
use super::writers::Writers;
use super::{file, store_error};
use crate::error::StoreError;
use crate::hold::hold;
use crate::lock_file::LockFile;
use crate::partition::WriteFault;
use crate::turns::Turns;

/// Reads of one body that wait for a connection at most; the next is told that it is busy (R40).
const MOST_WAITING: usize = 1024;
/// Reads that wait for the disk at a time, over all bodies.
const COLD_READS: usize = 64;
/// Bytes of pages that a connection may always keep.
const LEAST_CACHE: usize = 64 << 10;
/// Microseconds that what writes may be at one group, before the disk is taken for failed.
const WRITE_ENDS: u64 = 30_000_000;
/// How long a recovery waits for reads that are under way.
const READS_END: Duration = Duration::from_secs(10);

/// What all bodies of an engine share.
pub(super) struct Machinery {
    pub(super) options: SqliteOptions,
    pub(super) residents: Residents,
    pub(super) writers: Writers<Body>,
    pub(super) cold: Turns,
    links: AtomicUsize,
    began: Instant,
}

impl Machinery {
    pub(super) fn new(options: SqliteOptions) -> Self {
        Self {
            options,
            residents: Residents::new(options.open_bodies),
            writers: Writers::new(options.writer_threads),
            // Who waits has a connection, or the right to one: they are few.
            cold: Turns::new(COLD_READS, usize::MAX),
            links: AtomicUsize::new(0),
            began: Instant::now(),
        }
    }

    /// Microseconds since the engine was made.
    pub(super) fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    /// What one connection may keep now: by a power of two of connections, so that it changes rarely.
    fn share(&self) -> usize {
        let links = self.links.load(Ordering::Relaxed).max(1).next_power_of_two();
        (self.options.cache_bytes / links).min(self.options.cache_bytes_per_connection).max(LEAST_CACHE)
    }
}

/// An open connection.
pub(super) struct Link {
    connection: Connection,
    cache_bytes: usize,
    machinery: Arc<Machinery>,
    // After the connection: nobody else may open the folder before that is closed.
    _lock: Arc<LockFile>,
}

impl Link {
    pub(super) fn new(connection: Connection, machinery: Arc<Machinery>, lock: Arc<LockFile>) -> Self {
        machinery.links.fetch_add(1, Ordering::Relaxed);
        Self { connection, cache_bytes: 0, machinery, _lock: lock }
    }

    /// The connection, with the share of memory that it may take now.
    pub(super) fn connection(&mut self) -> rusqlite::Result<&Connection> {
        let share = self.machinery.share();
        if self.cache_bytes != share {
            file::set_cache(&self.connection, share)?;
            self.cache_bytes = share;
        }
        Ok(&self.connection)
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.machinery.links.fetch_sub(1, Ordering::Relaxed);
    }
}

/// One body's file.
pub(super) struct Home {
    pub(super) number: u64,
    pub(super) path: PathBuf,
    pub(super) name: String,
    pub(super) epoch: u64,
    pub(super) fault: FaultCell,
    /// When the group was begun that is being written, by [`Machinery::now`], and one more; 0 where none is.
    writing: AtomicU64,
    pub(super) warmth: Warmth,
    pub(super) machinery: Arc<Machinery>,
    /// Whether the body is among the residents; held while a connection is opened or all are closed.
    pub(super) resident: Mutex<bool>,
    /// Gone when the partition is closed.
    pub(super) lock: Mutex<Option<Arc<LockFile>>>,
    body: Weak<Body>,
    readers: Mutex<Readers>,
    returned: Condvar,
}

/// Where a reader that waits is given its connection.
type Turn = oneshot::Sender<Lease<Arc<Home>>>;

/// The connections that read.
#[derive(Default)]
struct Readers {
    idle: Vec<Link>,
    out: usize,
    waiting: VecDeque<(Turn, Arc<Home>)>,
    /// Connections of an earlier era are closed when they come back.
    era: u64,
    paused: bool,
    closed: bool,
}

/// One of the connections that read, or the right to open one; given back when dropped.
pub(super) struct Lease<H: Deref<Target = Home>> {
    home: H,
    link: Option<Link>,
    era: u64,
}

impl<H: Deref<Target = Home>> Lease<H> {
    /// Reads, opening a connection first if need be.
    pub(super) fn read<T>(
        &mut self,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        let link = match &mut self.link {
            Some(link) => link,
            none => none.insert(self.home.link(|home| file::open_reader(&home.path))?),
        };
        let answer = link.connection().and_then(read).map_err(store_error);
        if matches!(answer, Err(StoreError::Corrupt)) {
            self.home.fault.met(WriteFault::Corrupt);
        }
        answer
    }
}

impl<H: Deref<Target = Home>> Drop for Lease<H> {
    fn drop(&mut self) {
        self.home.give_back(self.link.take(), self.era);
    }
}

impl Home {
    /// A body's, of which the files are open.
    pub(super) fn new(
        (number, path, name, epoch): (u64, &Path, &str, u64),
        body: Weak<Body>,
        machinery: &Arc<Machinery>,
        lock: Arc<LockFile>,
    ) -> Self {
        Self {
            number,
            path: path.to_owned(),
            name: name.to_owned(),
            epoch,
            fault: FaultCell::default(),
            writing: AtomicU64::new(0),
            warmth: Warmth::new(machinery.now()),
            machinery: Arc::clone(machinery),
            resident: Mutex::new(true),
            lock: Mutex::new(Some(lock)),
            body,
            readers: Mutex::new(Readers::default()),
            returned: Condvar::new(),
        }
    }

    /// A group is being written until what this gives is dropped.
    pub(super) fn writing(&self) -> impl Drop + use<'_> {
        struct Writing<'a>(&'a AtomicU64);
        impl Drop for Writing<'_> {
            fn drop(&mut self) {
                self.0.store(0, Ordering::Release);
            }
        }
        self.writing.store(self.machinery.now() + 1, Ordering::Release);
        Writing(&self.writing)
    }

    /// Notes a disk that neither writes nor fails. Over when it has written after all.
    pub(super) fn look_after_writer(&self) {
        let since = self.writing.load(Ordering::Acquire);
        if since > 0 && self.machinery.now().saturating_sub(since) > WRITE_ENDS {
            self.fault.met(WriteFault::Disk);
        }
    }

    /// Opens a connection, for which another body may have to close its own.
    pub(super) fn link(
        &self,
        open: impl FnOnce(&Self) -> Result<Connection, StoreError>,
    ) -> Result<Link, StoreError> {
        let (link, newly) = {
            let mut resident = hold(&self.resident);
            let lock = hold(&self.lock).clone().ok_or(StoreError::Stopped)?;
            let newly = !std::mem::replace(&mut *resident, true);
            if newly {
                self.machinery.residents.insert(self.number, self.body.clone());
            }
            (open(self).map(|connection| Link::new(connection, Arc::clone(&self.machinery), lock)), newly)
        };
        if newly {
            self.machinery.residents.make_room();
        }
        link
    }

    /// A connection that is open and free.
    pub(super) fn try_lease(&self) -> Option<Lease<&Self>> {
        let mut readers = hold(&self.readers);
        if readers.paused {
            return None;
        }
        let link = readers.idle.pop()?;
        readers.out += 1;
        Some(Lease { era: readers.era, home: self, link: Some(link) })
    }

    /// A connection, or the right to open one, when it is this reader's turn.
    pub(super) async fn lease(self: &Arc<Self>) -> Result<Lease<Arc<Self>>, StoreError> {
        let turn = {
            let mut readers = hold(&self.readers);
            if readers.closed {
                return Err(StoreError::Stopped);
            }
            if !readers.paused && readers.out < self.machinery.options.readers_per_body.max(1) {
                readers.out += 1;
                let link = readers.idle.pop();
                return Ok(Lease { era: readers.era, home: Arc::clone(self), link });
            }
            readers.waiting.retain(|(waiting, _)| !waiting.is_closed());
            if readers.waiting.len() >= MOST_WAITING {
                return Err(StoreError::Busy);
            }
            let (turn, mine) = oneshot::channel();
            readers.waiting.push_back((turn, Arc::clone(self)));
            mine
        };
        turn.await.map_err(|_| StoreError::Stopped)
    }

    fn give_back(&self, link: Option<Link>, era: u64) {
        let mut link = link;
        let mut readers = loop {
            let readers = hold(&self.readers);
            if link.is_none() || (era == readers.era && !readers.closed) {
                break readers;
            }
            // One that is no longer wanted is closed before it counts as given back, but not while others wait for this
            // mutex.
            drop(readers);
            link = None;
        };
        while !readers.paused {
            let Some((turn, home)) = readers.waiting.pop_front() else { break };
            if !turn.is_closed() {
                let lease = Lease { home, link, era: readers.era };
                drop(readers);
                // If its reader went away just now, dropping it comes back to this place.
                drop(turn.send(lease));
                return;
            }
        }
        readers.out -= 1;
        readers.idle.extend(link);
        drop(readers);
        self.returned.notify_all();
    }

    /// All connections that read, if none of them is in use.
    pub(super) fn take_idle(&self) -> Option<Vec<Link>> {
        let mut readers = hold(&self.readers);
        (readers.out == 0).then(|| std::mem::take(&mut readers.idle))
    }

    /// Closes all connections that read and lets nobody open one until [`Home::resume`]; tells whether all are closed.
    pub(super) fn pause(&self) -> bool {
        let mut readers = hold(&self.readers);
        readers.paused = true;
        readers.era += 1;
        let idle = std::mem::take(&mut readers.idle);
        let (readers, _) = self
            .returned
            .wait_timeout_while(readers, READS_END, |readers| readers.out > 0)
            .unwrap_or_else(PoisonError::into_inner);
        let all = readers.out == 0;
        drop(readers);
        drop(idle);
        all
    }

    /// Lets readers in again.
    pub(super) fn resume(&self) {
        let mut turns = Vec::new();
        let mut readers = hold(&self.readers);
        readers.paused = false;
        while readers.out < self.machinery.options.readers_per_body.max(1) {
            let Some((turn, home)) = readers.waiting.pop_front() else { break };
            readers.out += 1;
            turns.push((turn, Lease { home, link: None, era: readers.era }));
        }
        drop(readers);
        for (turn, lease) in turns {
            drop(turn.send(lease));
        }
    }

    /// Closes what reads, for good; a read that is under way closes its connection itself.
    pub(super) fn close(&self) {
        let mut readers = hold(&self.readers);
        readers.closed = true;
        let idle = std::mem::take(&mut readers.idle);
        let waiting = std::mem::take(&mut readers.waiting);
        drop(readers);
        drop((idle, waiting));
        *hold(&self.lock) = None;
    }
}

#[cfg(test)]
mod tests;
