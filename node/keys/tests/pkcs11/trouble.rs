//! A token that goes away, comes back, refuses or was altered: a clear error, and never another key store.
