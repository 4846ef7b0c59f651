//! Mutual TLS of one hop (RFC 8446 carried by RFC 9001): credentials, revocation, verifiers, configurations.
//!
//! What must hold: both sides show a certificate under the one authority (R20); a peer's name is the single
//! URI name in it; only TLS 1.3 with the listed algorithms (R21). Files are followed while a role runs: new
//! handshakes use what lies there now, and a peer whose certificate is over, revoked or without a valid
//! revocation list, where one is configured, is held to nothing more. Deliberately absent: DNS names, tickets,
//! resumption, early data, a plaintext mode, lists fetched over the network (R44).

mod config;
mod credentials;
mod crl;
mod device;
mod files;
mod identity;
mod own;
mod standing;
mod trust;
mod verify;
mod watch;

pub use config::TlsUnusable;
pub(crate) use config::{client as client_config, server as server_config};
pub(crate) use credentials::{Followed, Reviewed};
pub use credentials::{HopCredentials, ListTimes};
pub use crl::CrlError;
pub(crate) use device::check_proof;
pub use device::{DeviceCredentials, DeviceError, DeviceRefusal};
pub use files::{CredentialError, TlsFiles};
pub use identity::{BadCertificate, CertificateFacts};
pub(crate) use own::OwnCertificate;
pub use standing::{ListStanding, Standing};
pub use trust::Unfit;
pub use watch::{TlsFile, TlsNews};
