//! What ring and RustCrypto do for us, against AWS-LC through rustls's own provider: the hybrid key exchange as
//! shares and as whole handshakes, and HPKE.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod handshake;
mod hpke;
mod peer;
mod shares;
