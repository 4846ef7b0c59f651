//! Mutual TLS of one hop (RFC 8446 carried by RFC 9001): credentials, verifiers, configurations.
//!
//! What must hold: both sides show a certificate under the one authority (R20); a peer's name is the single
//! URI name in it; only TLS 1.3 with the listed algorithms (R21). Deliberately absent: DNS names, tickets,
//! resumption, early data, a plaintext mode.

mod config;
mod credentials;
mod identity;
mod verify;

pub use config::TlsUnusable;
pub(crate) use config::{client as client_config, server as server_config};
pub use credentials::{CredentialError, HopCredentials};
pub use identity::{BadCertificate, CertificateFacts};
