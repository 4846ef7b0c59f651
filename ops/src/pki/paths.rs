//! Where what was issued lies. TLS certificates and keys are PEM; every other key is a
//! [`chukei_relay_client::key_file`].

use std::path::PathBuf;

/// A hop certificate with its key, and the authority that peers are checked against.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HopPaths {
    /// The certificate, PEM.
    pub certificate: PathBuf,
    /// Its key, PEM.
    pub key: PathBuf,
    /// The authority's certificate, PEM.
    pub authority: PathBuf,
    /// The authority's revocation list, PEM.
    pub crl: PathBuf,
}

/// Files of a broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokerPaths {
    /// Its hop certificate.
    pub hop: HopPaths,
    /// Opens the brokers' part of acquisition numbers; the same key for all brokers.
    pub acquisition_key: PathBuf,
    /// The 32-byte secret behind person codes of version 1, the same for all brokers.
    pub code_master: PathBuf,
    /// Signs the roots over its permits, Ed25519 PKCS#8; its own.
    pub permit_key: PathBuf,
    /// Cosigns the heads of bodies' logs, Ed25519 PKCS#8; its own.
    pub witness_key: PathBuf,
    /// The root that the keyring of its records is sealed under, the newest.
    pub root_key: PathBuf,
}

/// Files of a portal instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortalPaths {
    /// Its hop certificate.
    pub hop: HopPaths,
    /// Its long-lived channel identity, P-256 PKCS#8.
    pub identity_key: PathBuf,
    /// The root that its keyring is sealed under, the newest.
    pub root_key: PathBuf,
    /// The 32-byte secret that binding secrets of (person, body) of version 1 are derived from.
    pub binding_master: PathBuf,
    /// The resident registry's Ed25519 PKCS#8 key; the mock portal plays the registry.
    pub registry_key: PathBuf,
}

/// Files of a local body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BodyPaths {
    /// Its long-lived identity for channels and delegations, P-256 PKCS#8.
    pub identity_key: PathBuf,
    /// Opens the body's part of acquisition numbers.
    pub acquisition_key: PathBuf,
    /// The root that its keyring is sealed under, the newest.
    pub root_key: PathBuf,
}

/// Files of the signed peer list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeersPaths {
    /// The list.
    pub file: PathBuf,
    /// Its detached signature, beside it.
    pub signature: PathBuf,
    /// The public root it verifies under.
    pub root: PathBuf,
}
