//! The signed peer list, looked at again and again (R24, R44): one mechanism for every role.
//!
//! What must hold: a list that is not what its root signed never comes into force; the last good one stays, and
//! the role learns of the fault once. A good one is in force a fraction of a second after it lies there with its
//! signature. Deliberately absent: what a role does then.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use arc_swap::{ArcSwap, Guard};

use super::{PeerList, PeerListError, signature_path};
use crate::clock::Clock;
use crate::file_stamp::FileStamp;

/// How often the files are looked at.
pub const LOOK: Duration = Duration::from_millis(100);
/// Time between the writes of a list and of its signature, at most: they are two files, and a replacement in
/// progress is no fault.
const REPLACEMENT: Duration = Duration::from_millis(500);
/// How often the files are read even if they seem unchanged.
const READ_AGAIN: Duration = Duration::from_secs(4);

/// The list in force, and what is wrong with the one on disk.
#[derive(Debug)]
pub struct WatchedPeers {
    list: ArcSwap<PeerList>,
    file: PathBuf,
    root: PathBuf,
    seen: Mutex<Seen>,
}

#[derive(Debug)]
struct Seen {
    stamps: [FileStamp; 3],
    read: Instant,
    /// Since when it could not be read.
    failing: Option<Instant>,
    fault: Option<PeerListError>,
}

/// What a look has found.
#[derive(Clone, Debug)]
pub enum Look {
    /// Nothing new.
    Same,
    /// This list is in force now, and another was before.
    Read(Arc<PeerList>),
    /// The files hold no list that could be used, which is news. The one before stays in force.
    Fault(PeerListError),
}

impl WatchedPeers {
    /// Loads the list in `file`, signed by the root whose public key is in the file `root`.
    pub fn open(file: PathBuf, root: PathBuf, now_ms: u64) -> Result<Self, PeerListError> {
        let stamps = stamps(&file, &root);
        let list = ArcSwap::from_pointee(PeerList::load(&file, &root, now_ms)?);
        let seen = Seen { stamps, read: Instant::now(), failing: None, fault: None };
        Ok(Self { list, file, root, seen: Mutex::new(seen) })
    }

    /// The list in force.
    pub fn load(&self) -> Guard<Arc<PeerList>> {
        self.list.load()
    }

    /// The list in force, to be kept for a while.
    pub fn load_full(&self) -> Arc<PeerList> {
        self.list.load_full()
    }

    /// What is wrong with the list on disk.
    pub fn fault(&self) -> Option<PeerListError> {
        self.seen().fault
    }

    /// Looks at the files again and again, and hands what is found to `found` until that breaks off.
    pub async fn watch(self: &Arc<Self>, clock: &Clock, mut found: impl FnMut(Look) -> ControlFlow<()>) {
        loop {
            tokio::time::sleep(LOOK).await;
            let (peers, now_ms) = (Arc::clone(self), clock.now_ms());
            // A long list takes milliseconds to read and to verify.
            let look = tokio::task::spawn_blocking(move || peers.look(now_ms)).await;
            if look.is_ok_and(|look| found(look).is_break()) {
                return;
            }
        }
    }

    /// Looks at the files once.
    pub fn look(&self, now_ms: u64) -> Look {
        let stamps = stamps(&self.file, &self.root);
        let mut seen = self.seen();
        let same = seen.stamps == stamps && seen.failing.is_none() && seen.read.elapsed() < READ_AGAIN;
        if same && (seen.fault.is_some() || self.list.load().not_after_ms() >= now_ms) {
            return Look::Same;
        }
        seen.stamps = stamps;
        seen.read = Instant::now();
        match PeerList::load(&self.file, &self.root, now_ms) {
            Ok(list) => {
                seen.failing = None;
                seen.fault = None;
                if list.digest == self.list.load().digest {
                    return Look::Same;
                }
                let list = Arc::new(list);
                self.list.store(Arc::clone(&list));
                Look::Read(list)
            }
            Err(fault) => seen.failed(fault),
        }
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seen {
    /// A fault counts only if it is still there a moment later.
    fn failed(&mut self, fault: PeerListError) -> Look {
        let since = *self.failing.get_or_insert_with(Instant::now);
        if since.elapsed() < REPLACEMENT && fault != PeerListError::Expired {
            return Look::Same;
        }
        self.failing = None;
        if self.fault.replace(fault) == Some(fault) { Look::Same } else { Look::Fault(fault) }
    }
}

fn stamps(file: &Path, root: &Path) -> [FileStamp; 3] {
    [FileStamp::of(file), FileStamp::of(&signature_path(file)), FileStamp::of(root)]
}

#[cfg(test)]
mod tests;
