//! Cryptographic core.
pub mod hash;
