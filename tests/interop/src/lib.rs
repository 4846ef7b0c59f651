//! Our cryptography against other people's: AWS-LC's, and a reader of our sealed forms in Python (`python/`).
//! Everything is in `tests/`.
//!
//! A package of its own, because rustls is built here with AWS-LC beside ring. Deliberately empty: nothing may
//! depend on it, so that nothing that ships is ever linked with a second core (R21).
