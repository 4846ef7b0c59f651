//! The signed peer list (R24): which keys speak for which body and portal, as decided by the offline root.
//!
//! What must hold: not one byte of the file is believed before its signature has verified; a list past its
//! end is refused; no two parties share a key. Deliberately absent: where a party is and who may dial whom.

mod identities;
mod watch;

use std::collections::{HashMap, HashSet};
use std::path::Path;

use chukei_crypto::hash::sha256;
use chukei_wire::body_code::BodyCode;
use serde::{Deserialize, Serialize};

use crate::signed::{self, SignedError};

pub use crate::signed::signature_path;
pub use identities::{BadIdentities, Identities};
pub use watch::{LOOK, Look, WatchedPeers};

/// Longest peer list, bytes: all 1,788 bodies take about 1 MiB.
const FILE_MAX: u64 = 8 * 1024 * 1024;
/// What is signed before the bytes of the file, so that no other signature of the root fits.
pub const PEERS_PURPOSE: &[u8] = b"chukei peer list v1\0";
/// The only format.
const VERSION: u32 = 1;

/// The list as it stands in its file (JSON; keys are lower-case hexadecimal).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PeerListFile {
    /// Format, 1.
    pub version: u32,
    /// When it was made, Unix milliseconds.
    pub issued_ms: u64,
    /// Not valid after, Unix milliseconds.
    pub not_after_ms: u64,
    /// Bodies.
    pub bodies: Vec<BodyPeer>,
    /// Portal instances.
    pub portals: Vec<PortalPeer>,
    /// Brokers.
    pub brokers: Vec<BrokerPeer>,
    /// Ed25519 public key of the resident registry, 32 bytes.
    pub registry: Hex,
}

/// A body's keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BodyPeer {
    /// Local body code.
    pub code: BodyCode,
    /// Name, for people.
    pub name: String,
    /// Identities of channels and delegations, newest first.
    pub identities: Identities,
    /// HPKE public key to which the body's parts of acquisition numbers are sealed.
    pub acquisition_public: Hex,
}

/// A portal instance's keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PortalPeer {
    /// Name, as in headers and certificates.
    pub name: String,
    /// Identities of channels, newest first.
    pub identities: Identities,
}

/// A broker's keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BrokerPeer {
    /// Name, as in certificates.
    pub name: String,
    /// HPKE public key to which the brokers' parts of acquisition numbers are sealed.
    pub acquisition_public: Hex,
    /// Ed25519 public key of the roots over its permits, 32 bytes.
    pub permit_public: Hex,
    /// Ed25519 public key of its cosignatures under bodies' logs, 32 bytes.
    pub witness_public: Hex,
}

impl BrokerPeer {
    fn signing_keys(&self) -> [&[u8]; 2] {
        [&self.permit_public.0, &self.witness_public.0]
    }
}

/// Bytes written as lower-case hexadecimal.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Hex(pub Vec<u8>);

/// The text is not lower-case hexadecimal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not lower-case hexadecimal")]
pub struct BadHex;

impl TryFrom<String> for Hex {
    type Error = BadHex;

    fn try_from(text: String) -> Result<Self, BadHex> {
        data_encoding::HEXLOWER.decode(text.as_bytes()).map(Self).map_err(|_| BadHex)
    }
}

impl From<Hex> for String {
    fn from(hex: Hex) -> Self {
        data_encoding::HEXLOWER.encode(&hex.0)
    }
}

/// Why a peer list was refused. Everything but `Unreadable` and `Expired` is `CONFIG_TAMPERED` (R24).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PeerListError {
    /// The list, its signature or the root's public key cannot be read.
    #[error("the peer list, its signature or the root's public key cannot be read")]
    Unreadable,
    /// The signature is not the root's over these bytes.
    #[error("CONFIG_TAMPERED: the peer list does not carry its root's signature")]
    Tampered,
    /// Signed, but not a list this version understands, or one that contradicts itself.
    #[error("CONFIG_TAMPERED: the peer list is malformed")]
    Malformed,
    /// Past its end.
    #[error("the peer list is past its end")]
    Expired,
}

impl From<SignedError> for PeerListError {
    fn from(error: SignedError) -> Self {
        match error {
            SignedError::Unreadable => Self::Unreadable,
            SignedError::Tampered => Self::Tampered,
        }
    }
}

/// A verified list.
#[derive(Clone, Debug)]
pub struct PeerList {
    bodies: HashMap<BodyCode, BodyPeer>,
    portals: HashMap<String, PortalPeer>,
    brokers: HashMap<String, BrokerPeer>,
    registry: [u8; 32],
    not_after_ms: u64,
    digest: [u8; 32],
}

impl PeerListFile {
    /// The bytes to write and to sign.
    pub fn to_json(&self) -> Result<Vec<u8>, PeerListError> {
        serde_json::to_vec_pretty(self).map_err(|_| PeerListError::Malformed)
    }
}

impl PeerList {
    /// Reads the list at `path`, its signature beside it and the root's Ed25519 public key (hexadecimal).
    pub fn load(path: &Path, root_public: &Path, now_ms: u64) -> Result<Self, PeerListError> {
        let [list, signature, root] = signed::read_unverified(path, root_public, FILE_MAX)?;
        Self::verify(&list, &signature, &root, now_ms)
    }

    /// Verifies the bytes of a list under the root's Ed25519 public key, then reads them.
    pub fn verify(list: &[u8], signature: &[u8], root: &[u8], now_ms: u64) -> Result<Self, PeerListError> {
        signed::verify(PEERS_PURPOSE, list, signature, root)?;
        let file: PeerListFile = serde_json::from_slice(list).map_err(|_| PeerListError::Malformed)?;
        if file.not_after_ms < now_ms {
            return Err(PeerListError::Expired);
        }
        Self::index(file, sha256(list))
    }

    fn index(file: PeerListFile, digest: [u8; 32]) -> Result<Self, PeerListError> {
        let bodies = file.bodies.iter().map(|body| &body.identities);
        let all = bodies.chain(file.portals.iter().map(|portal| &portal.identities));
        // One key for two things would lend its signatures for the one to the other.
        let signing = || file.brokers.iter().flat_map(BrokerPeer::signing_keys);
        let usable = all_differ(signing()) && signing().all(|key| key.len() == 32);
        if file.version != VERSION || !all_differ(all.flat_map(Identities::iter)) || !usable {
            return Err(PeerListError::Malformed);
        }
        Ok(Self {
            bodies: by_name(file.bodies, |body| body.code)?,
            portals: by_name(file.portals, |portal| portal.name.clone())?,
            brokers: by_name(file.brokers, |broker| broker.name.clone())?,
            registry: file.registry.0.try_into().map_err(|_| PeerListError::Malformed)?,
            not_after_ms: file.not_after_ms,
            digest,
        })
    }

    /// The body with this code.
    pub fn body(&self, code: &BodyCode) -> Option<&BodyPeer> {
        self.bodies.get(code)
    }

    /// The portal instance of this name.
    pub fn portal(&self, name: &str) -> Option<&PortalPeer> {
        self.portals.get(name)
    }

    /// The broker of this name.
    pub fn broker(&self, name: &str) -> Option<&BrokerPeer> {
        self.brokers.get(name)
    }

    /// Every body, in no particular order.
    pub fn bodies(&self) -> impl Iterator<Item = &BodyPeer> {
        self.bodies.values()
    }

    /// Every broker, in no particular order.
    pub fn brokers(&self) -> impl Iterator<Item = &BrokerPeer> {
        self.brokers.values()
    }

    /// Ed25519 public key of the resident registry.
    pub fn registry(&self) -> &[u8; 32] {
        &self.registry
    }

    /// Not valid after, Unix milliseconds.
    pub fn not_after_ms(&self) -> u64 {
        self.not_after_ms
    }
}

fn all_differ<'a>(mut keys: impl Iterator<Item = &'a [u8]>) -> bool {
    let mut seen = HashSet::new();
    keys.all(|key| seen.insert(key))
}

fn by_name<K: Eq + std::hash::Hash, V>(
    values: Vec<V>,
    name: impl Fn(&V) -> K,
) -> Result<HashMap<K, V>, PeerListError> {
    let count = values.len();
    let map: HashMap<K, V> = values.into_iter().map(|value| (name(&value), value)).collect();
    if map.len() == count { Ok(map) } else { Err(PeerListError::Malformed) }
}

#[cfg(test)]
mod tests;
