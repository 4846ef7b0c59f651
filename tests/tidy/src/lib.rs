//! Checks of the repository itself: layers, advisories, sources, manifests. All of it lives in `tests/tidy`.
//!
//! Deliberately empty: nothing may depend on the checks.
