//! Cryptographic core: seals, keys, codes, verifiable logs, channel keys and the TLS configuration they run under.
//!
//! What must hold: every algorithm stands on the e-Government Recommended Ciphers List (R21) — AES-GCM with
//! 96-bit nonces, SHA-2, HMAC, HKDF, ECDSA and ECDH on P-256/P-384, Ed25519, ML-KEM-768 — and the suite is
//! stored with what it protects; secrets are wiped when dropped, redact themselves and compare in constant
//! time; no function panics on bytes from outside.
//!
//! Deliberately absent: sockets, files, clocks (time is an argument), async, and any notion of what a body or
//! a person is beyond the bytes that name them. ring and rustls do not wipe what they keep inside their own
//! key objects: AES keys, HMAC keys and what keys derive from are written over when they are dropped; what they
//! hold while they compute, what the compiler copied when it moved a key, and rustls's own secrets are not.

pub mod acquisition;
pub mod binding;
pub mod channel;
mod chunks;
mod cipher;
pub mod custody;
pub mod derive;
pub mod factor;
pub mod hash;
pub mod key;
pub mod keyring;
pub mod mac;
mod once;
pub mod permit;
pub mod person_code;
pub mod random;
pub mod seal;
pub mod sign;
pub mod stamp;
pub mod tlog;
pub mod tls;

#[cfg(test)]
mod frozen;
#[cfg(test)]
mod vectors;
