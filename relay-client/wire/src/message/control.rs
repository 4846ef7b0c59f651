//! Plain messages of one hop: announcements, code acquisition, set-up flights.

use serde::{Deserialize, Serialize};

use crate::body_code::BodyCode;
use crate::header::PersonCode;

/// A body's leave for a node to speak for it, signed with the body's identity key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DelegationClaims {
    /// The body.
    #[serde(rename = "b")]
    pub body: BodyCode,
    /// Name of the node.
    #[serde(rename = "n")]
    pub node: String,
    /// Ownership epoch; a higher one wins.
    #[serde(rename = "e")]
    pub epoch: u64,
    /// Not valid after, Unix milliseconds.
    #[serde(rename = "x")]
    pub not_after_ms: u64,
}

/// A signed delegation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delegation {
    /// What is delegated.
    #[serde(rename = "c")]
    pub claims: DelegationClaims,
    /// ECDSA P-256 with SHA-256 over the canonical claims, fixed form (64 bytes).
    #[serde(rename = "s", with = "serde_bytes")]
    pub signature: Vec<u8>,
}

/// Node to broker: the bodies it serves. Reply: STATUS alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Announce {
    /// One delegation per body, at most `DELEGATIONS_MAX`.
    #[serde(rename = "d")]
    pub delegations: Vec<Delegation>,
}

/// To the broker: the parts of acquisition numbers that only it opens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AcquireRequest {
    /// Broker parts, at most `ENROL_BATCH_ROWS`.
    #[serde(rename = "p")]
    pub parts: Vec<serde_bytes::ByteBuf>,
}

/// From the broker: one code per part, `None` where the number is unknown, foreign or out of date.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AcquireReply {
    /// Codes in the order of the parts.
    #[serde(rename = "c")]
    pub codes: Vec<Option<PersonCode>>,
}

/// To the broker: a party's own codes, to be had in the current version. Without codes it asks for the versions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RenewRequest {
    /// Codes in any live version, at most `RENEW_BATCH_CODES`.
    #[serde(rename = "c")]
    pub codes: Vec<PersonCode>,
}

/// From the broker: the same persons' codes in the current version, and which versions live.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RenewReply {
    /// The version that codes are made in now.
    #[serde(rename = "v")]
    pub current: u8,
    /// Every version that is accepted now, ascending, at most `CODE_VERSIONS_MAX`.
    #[serde(rename = "l")]
    pub live: Vec<u8>,
    /// Codes in the order asked for; `None` for a code that is nobody's, another party's, or of a version that is
    /// over.
    #[serde(rename = "c")]
    pub codes: Vec<Option<PersonCode>>,
}

/// A broker's signed word on consecutive permits: `first`, `first + 1`, … of one epoch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PermitRoot {
    /// The epoch.
    #[serde(rename = "e", with = "serde_bytes")]
    pub epoch: [u8; 16],
    /// Number of the first permit.
    #[serde(rename = "f")]
    pub first: u64,
    /// SHA-256 of each permit's canonical claims (see `chukei_crypto::permit`), 32 bytes each, one to
    /// `ROOT_LEAVES_MAX` of them.
    #[serde(rename = "l", with = "serde_bytes")]
    pub leaves: Vec<u8>,
    /// The root before this one; zeros before the first.
    #[serde(rename = "p", with = "serde_bytes")]
    pub previous: [u8; 32],
    /// Ed25519 over the root, which each side computes for itself.
    #[serde(rename = "s", with = "serde_bytes")]
    pub signature: [u8; 64],
}

/// Receiver to broker: epochs of which roots are wanted now. The current one's are sent in any case.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RootsWanted {
    /// At most `ROOT_EPOCHS_MAX`.
    #[serde(rename = "w")]
    pub epochs: Vec<WantedEpoch>,
}

/// How far a receiver holds the roots of an epoch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WantedEpoch {
    /// The epoch.
    #[serde(rename = "e", with = "serde_bytes")]
    pub epoch: [u8; 16],
    /// Number of the last permit under a root that it holds; 0 for none.
    #[serde(rename = "n")]
    pub covered: u64,
}

/// From the broker: what time it is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimeReply {
    /// Unix milliseconds, read after the request had come.
    #[serde(rename = "t")]
    pub now_ms: u64,
}

/// To the node, as the first request on a connection: which device it comes from. Reply: STATUS alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceProof {
    /// The device's certificates, DER, leaf first: one to `DEVICE_CHAIN_MAX`.
    #[serde(rename = "c")]
    pub chain: Vec<serde_bytes::ByteBuf>,
    /// How it is signed: a SignatureScheme of RFC 8446, 4.2.3.
    #[serde(rename = "a")]
    pub scheme: u16,
    /// The device's signature over the label `chukei device v1`, a zero byte and 32 bytes that the connection exports
    /// under that label, with its user's identity as the context.
    #[serde(rename = "s", with = "serde_bytes")]
    pub signature: Vec<u8>,
}

/// One flight of a channel handshake: bytes for the other side's TLS.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetupFlight {
    /// TLS records.
    #[serde(rename = "f", with = "serde_bytes")]
    pub flight: Vec<u8>,
}
