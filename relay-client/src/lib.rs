//! The SDK that every role stands on: QUIC with mutual TLS, frames on streams, links that stay up, end-to-end
//! channels, the clock and the signed peer list.
//!
//! What must hold: no unauthenticated or plaintext peer can exist (R20); everything from outside is bounded;
//! every wait has a deadline. Deliberately absent: what a body stores, and rules of the domain.

pub mod bounded_file;
pub mod channel;
pub mod clock;
pub mod codes;
pub mod connection;
pub mod dial;
pub mod endpoint;
pub mod exchange;
pub mod factor;
mod file_stamp;
pub mod holds;
pub mod identity_keys;
pub mod key_file;
pub mod log_gap;
pub mod log_key;
pub mod log_witness;
pub mod peers;
pub mod permit;
pub mod replay;
pub mod request_id;
pub mod session;
pub mod settings;
pub mod signed;
pub mod stream;
pub mod tls;
pub mod witness;
