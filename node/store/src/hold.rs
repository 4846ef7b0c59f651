//! One way to hold a mutex: whoever panicked while holding it has left nothing by halves that matters.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Waits for the mutex.
pub(crate) fn hold<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
