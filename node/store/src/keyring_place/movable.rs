//! A keyring that goes to another place while it is used.
//!
//! What must hold: while it is held nothing is written anywhere but the copy, and what waited to be written is written
//! where the keyring is afterwards.

use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::{Glimpse, KeyringPlace};

/// The place of a keyring, which may change.
pub struct MovableKeyring {
    place: Mutex<Arc<dyn KeyringPlace>>,
    /// Whether writing waits. Locked while something is written.
    held: Mutex<bool>,
    released: Condvar,
}

impl MovableKeyring {
    /// A keyring that lies in `place` now.
    pub fn new(place: Arc<dyn KeyringPlace>) -> Arc<Self> {
        Arc::new(Self { place: Mutex::new(place), held: Mutex::new(false), released: Condvar::new() })
    }

    /// Whoever writes waits from now on, until the guard is dropped. One at a time. Blocks while something is written.
    pub fn hold(self: &Arc<Self>) -> HeldKeyring {
        *lock(&self.held) = true;
        HeldKeyring(Arc::clone(self))
    }

    /// Puts the keyring, as it is, into another place too, durably: for whoever holds it. Blocks.
    pub fn copy_to(&self, place: &dyn KeyringPlace) -> io::Result<()> {
        match self.place().read(u64::MAX - 1)? {
            Some(sealed) => place.replace(&sealed),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }

    fn place(&self) -> Arc<dyn KeyringPlace> {
        Arc::clone(&lock(&self.place))
    }
}

impl KeyringPlace for MovableKeyring {
    fn read(&self, limit: u64) -> io::Result<Option<Vec<u8>>> {
        self.place().read(limit)
    }

    fn glimpse(&self, bytes: u64) -> io::Result<Option<Glimpse>> {
        self.place().glimpse(bytes)
    }

    fn replace(&self, sealed: &[u8]) -> io::Result<()> {
        let waited = self.released.wait_while(lock(&self.held), |held| *held);
        let _writing = waited.unwrap_or_else(PoisonError::into_inner);
        self.place().replace(sealed)
    }

    fn remove(&self) -> io::Result<()> {
        self.place().remove()
    }
}

/// A keyring that nobody writes.
pub struct HeldKeyring(Arc<MovableKeyring>);

impl HeldKeyring {
    /// From now on the keyring is in `place`, which has it.
    pub fn go_on_in(&self, place: Arc<dyn KeyringPlace>) {
        *lock(&self.0.place) = place;
    }
}

impl Drop for HeldKeyring {
    fn drop(&mut self) {
        *lock(&self.0.held) = false;
        self.0.released.notify_all();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
