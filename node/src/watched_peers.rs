//! The signed peer list, looked at again and again (R24, R44).
//!
//! What must hold: a list that is not what its root signed never comes into force; the last good one stays, the
//! role is not ready, and an alarm is raised.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::{ArcSwap, Guard};
use chukei_relay_client::peers::{PeerList, PeerListError};

use crate::telemetry::metrics::Metrics;

/// Time between the writes of a list and of its signature, at most.
const REPLACEMENT: Duration = Duration::from_millis(500);

/// The list in force, and what is wrong with the one on disk.
pub struct WatchedPeers {
    list: ArcSwap<PeerList>,
    file: PathBuf,
    root: PathBuf,
    fault: Mutex<Option<PeerListError>>,
}

impl WatchedPeers {
    /// Loads the list in `file`, signed by the root whose public key is in the file `root`.
    pub fn open(file: PathBuf, root: PathBuf, now_ms: u64) -> Result<Self, PeerListError> {
        let list = ArcSwap::from_pointee(PeerList::load(&file, &root, now_ms)?);
        Ok(Self { list, file, root, fault: Mutex::new(None) })
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
        *self.fault.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks at the files again. List and signature are two files: a fault counts only if it is still there a
    /// moment later, or a replacement in progress would be an alarm.
    pub async fn look(&self, now_ms: u64, metrics: &Metrics) {
        let mut loaded = PeerList::load(&self.file, &self.root, now_ms);
        if loaded.is_err() {
            tokio::time::sleep(REPLACEMENT).await;
            loaded = PeerList::load(&self.file, &self.root, now_ms);
        }
        match loaded {
            Ok(list) => {
                self.list.store(Arc::new(list));
                self.remember(None);
            }
            Err(fault) if self.remember(Some(fault)) => {
                tracing::error!(%fault, "the peer list on disk is not usable");
                if matches!(fault, PeerListError::Tampered | PeerListError::Malformed) {
                    metrics.alarm("config_tampered", &"peers");
                }
            }
            Err(_) => {}
        }
    }

    /// Keeps what is wrong; whether that is news.
    fn remember(&self, fault: Option<PeerListError>) -> bool {
        let mut known = self.fault.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *known, fault) != fault
    }
}
