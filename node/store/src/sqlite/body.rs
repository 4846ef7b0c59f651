//! One body: its file, what waits to be written, and who writes it.

use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use tokio::sync::oneshot;

use super::committer::Committer;
use super::home::{Home, Link, Machinery};
use super::writer::{Applied, Job, Server};
use super::writers::Work;
use super::{QUEUE, disk, file};
use crate::batch::Batch;
use crate::commit_queue::{CommitQueue, PushError};
use crate::error::StoreError;
use crate::hold::hold;
use crate::lock_file::LockFile;

/// One body, while its partition is open.
pub(super) struct Body {
    pub(super) home: Arc<Home>,
    queue: CommitQueue<Job>,
    server: Mutex<Server<Committer>>,
    /// Whether a thread is at work for it, or will be.
    busy: Mutex<bool>,
    done: Condvar,
}

impl Body {
    /// Opens the file of the partition `name`, creating it if there is none.
    pub(super) fn open(
        path: &Path,
        name: &str,
        number: u64,
        machinery: &Arc<Machinery>,
        lock: Arc<LockFile>,
    ) -> Result<Arc<Self>, StoreError> {
        // Behind a link to another disk, the log lies there too, and that disk is the one that is full or not.
        let path = &std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let opened = file::open(path, name).map_err(|error| disk::explain(error, path));
        let (connection, epoch) = opened?;
        let link = Link::new(connection, Arc::clone(machinery), Arc::clone(&lock));
        let body = Arc::new_cyclic(|body| {
            let home = Arc::new(Home::new((number, path, name, epoch), body.clone(), machinery, lock));
            Self {
                server: Mutex::new(Server::new(Committer::new(link, Arc::clone(&home)))),
                home,
                queue: CommitQueue::new(QUEUE),
                busy: Mutex::new(false),
                done: Condvar::new(),
            }
        });
        machinery.residents.insert(number, Arc::downgrade(&body));
        machinery.residents.make_room();
        Ok(body)
    }

    /// Queues a batch.
    pub(super) fn apply(
        self: &Arc<Self>,
        batch: Batch,
    ) -> Result<oneshot::Receiver<Result<(), StoreError>>, StoreError> {
        batch.check()?;
        let bytes = batch.bytes();
        let (done, answer) = oneshot::channel();
        self.submit(Job::Apply(Applied { batch, done }), bytes)?;
        Ok(answer)
    }

    /// Queues a job that counts as `bytes`, and sees to it that somebody does it.
    pub(super) fn submit(self: &Arc<Self>, job: Job, bytes: usize) -> Result<(), StoreError> {
        self.queue.push(job, bytes).map_err(|error| match error {
            PushError::Full => StoreError::Busy,
            PushError::Closed => StoreError::Stopped,
        })?;
        self.home.warmth.touch(self.home.machinery.now());
        let idle = !std::mem::replace(&mut *hold(&self.busy), true);
        if idle {
            self.home.machinery.writers.submit(Arc::clone(self));
        }
        Ok(())
    }

    /// When it was last used.
    pub(super) fn used(&self) -> u64 {
        self.home.warmth.used()
    }

    /// Closes its files, if nobody is using them; tells whether it did.
    pub(super) fn evict(&self) -> bool {
        let Ok(mut resident) = self.home.resident.try_lock() else { return false };
        let Ok(mut server) = self.server.try_lock() else { return false };
        if !*resident {
            return false;
        }
        let Some(readers) = self.home.take_idle() else { return false };
        drop(readers);
        server.close();
        self.queue.shrink();
        self.home.warmth.cool();
        *resident = false;
        self.home.machinery.residents.remove(self.home.number);
        true
    }

    /// Writes what is queued and closes its files, for good.
    pub(super) fn close(&self) {
        self.queue.close();
        let busy = hold(&self.busy);
        drop(self.done.wait_while(busy, |busy| *busy).unwrap_or_else(PoisonError::into_inner));
        self.home.close();
        let mut resident = hold(&self.home.resident);
        hold(&self.server).close();
        *resident = false;
        self.home.machinery.residents.remove(self.home.number);
    }
}

impl Work for Body {
    fn work(&self) -> bool {
        let mut group = Vec::new();
        self.queue.take_ready(&mut group);
        if !group.is_empty() {
            let _writing = self.home.writing();
            hold(&self.server).serve(group);
        }
        let mut busy = hold(&self.busy);
        // Whoever queues something looks at `busy` afterwards.
        if self.queue.depth() > 0 {
            return true;
        }
        *busy = false;
        drop(busy);
        self.done.notify_all();
        false
    }

    fn give_up(&self) {
        let mut group = Vec::new();
        self.queue.take_waiting(&mut group);
        // Whoever waits learns from its end that nobody will answer.
        drop(group);
        hold(&self.server).interrupted();
        *hold(&self.busy) = false;
        self.done.notify_all();
    }
}
