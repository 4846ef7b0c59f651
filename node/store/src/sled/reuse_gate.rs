//! Keeps sled from writing over what only an unsynced copy replaces.
//!
//! sled moves pages to new places and uses the old ones again once it takes the new ones for stable. Stable to it is
//! what went through `sync_file_range`, which a power cut may undo: the copy would be lost and the original written
//! over. sled lets places go only in work it defers in the epochs of `crossbeam_epoch`'s default collector, and an
//! epoch does not end while somebody is pinned in it. So one thread stays pinned, with two participants in turn: the
//! next one is pinned, then every open file is really synced, then the one before is let go. Whatever sled deferred
//! before a file was synced, and nothing else, becomes due.
//!
//! Deliberately one thread for the whole process, since the collector is one for the whole process.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crossbeam_epoch::{Guard, LocalHandle, default_collector};

/// How often places become free for use again.
const INTERVAL: Duration = Duration::from_millis(200);

static GATE: Gate =
    Gate { state: Mutex::new(State { files: Vec::new(), pinned: false }), changed: Condvar::new() };

struct Gate {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    files: Vec<Arc<GatedFile>>,
    /// Whether the thread runs and holds an epoch.
    pinned: bool,
}

struct GatedFile {
    // Its own handle: an error of a sync is told once to each handle, and the writer must not miss it.
    file: File,
    failed: AtomicBool,
}

/// One file of sled's that is held back, until this is dropped. To be taken before sled opens the file.
pub(super) struct Gated(Arc<GatedFile>);

impl Gated {
    /// Holds back the file at `path`.
    pub(super) fn new(path: &Path) -> io::Result<Self> {
        let file = File::options().read(true).write(true).open(path)?;
        let gated = Arc::new(GatedFile { file, failed: AtomicBool::new(false) });
        let mut state = GATE.lock();
        if state.files.is_empty() && !state.pinned {
            std::thread::Builder::new().name("store-sled-gate".into()).spawn(run)?;
        }
        state.files.push(Arc::clone(&gated));
        while !state.pinned {
            state = GATE.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        Ok(Self(gated))
    }

    /// Whether a sync of the file failed: nothing that was written to it since can be relied on.
    pub(super) fn failed(&self) -> bool {
        self.0.failed.load(Ordering::Acquire)
    }
}

impl Drop for Gated {
    fn drop(&mut self) {
        GATE.lock().files.retain(|file| !Arc::ptr_eq(file, &self.0));
        GATE.changed.notify_all();
    }
}

impl Gate {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn run() {
    let [first, second] = [default_collector().register(), default_collector().register()];
    let mut held = first.pin();
    let mut state = GATE.lock();
    state.pinned = true;
    GATE.changed.notify_all();
    for next in [second, first].iter().cycle() {
        if state.files.is_empty() {
            break;
        }
        let files = state.files.clone();
        drop(state);
        held = pass(&files, next, held);
        state = GATE.lock();
        state = GATE.changed.wait_timeout(state, INTERVAL).unwrap_or_else(PoisonError::into_inner).0;
    }
    state.pinned = false;
}

fn pass(files: &[Arc<GatedFile>], next: &LocalHandle, held: Guard) -> Guard {
    let pinned = next.pin();
    for file in files {
        if let Err(error) = file.file.sync_data() {
            tracing::error!(cause = %error, "a sled file could not be synced");
            file.failed.store(true, Ordering::Release);
        }
    }
    drop(held);
    pinned
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::{Duration, Instant};

    use super::{GATE, Gated, GatedFile, default_collector, pass};

    /// Does what was deferred run by itself, without anybody being pinned?
    fn runs(ran: &AtomicBool, limit: Duration) -> bool {
        let started = Instant::now();
        while !ran.load(Ordering::Acquire) && started.elapsed() < limit {
            crossbeam_epoch::pin().flush();
            std::thread::yield_now();
        }
        ran.load(Ordering::Acquire)
    }

    fn defer() -> Arc<AtomicBool> {
        let ran = Arc::new(AtomicBool::new(false));
        let set = Arc::clone(&ran);
        let guard = crossbeam_epoch::pin();
        guard.defer(move || set.store(true, Ordering::Release));
        guard.flush();
        ran
    }

    #[test]
    fn sled_what_was_deferred_waits_for_a_sync_that_began_after_it() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let files: Vec<Arc<GatedFile>> =
            vec![Arc::new(GatedFile { file: file.reopen().unwrap(), failed: AtomicBool::new(false) })];
        let [first, second] = [default_collector().register(), default_collector().register()];
        let mut held = first.pin();
        for next in [&second, &first, &second] {
            let ran = defer();
            assert!(!runs(&ran, Duration::from_millis(50)), "nothing was synced since");
            held = pass(&files, next, held);
        }
        let ran = defer();
        for (passes, next) in [&first, &second].into_iter().cycle().enumerate() {
            assert!(passes < 10, "it never becomes due");
            held = pass(&files, next, held);
            if runs(&ran, Duration::from_millis(50)) {
                break;
            }
        }
        assert!(!files[0].failed.load(Ordering::Acquire));
    }

    #[test]
    fn sled_the_gate_is_shut_while_a_file_is_held_back_and_opens_in_turns() {
        let file = tempfile::NamedTempFile::new().unwrap();
        for _ in 0..3 {
            let [one, other] = [Gated::new(file.path()).unwrap(), Gated::new(file.path()).unwrap()];
            assert!(GATE.lock().pinned);
            let ran = defer();
            assert!(runs(&ran, Duration::from_secs(20)), "it opens after each sync");
            assert!(!one.failed() && !other.failed());
        }
    }
}
