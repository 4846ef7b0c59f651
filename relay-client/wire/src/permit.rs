//! The broker's permit (R22): one request, one body, one dataset set, one person, short life, used once.

use serde::{Deserialize, Serialize};

use crate::codec::{CodecError, encode};
use crate::header::PersonCode;
use crate::id::HeaderHash;

/// What the broker vouches for. Everything but the header hash is chosen by the broker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PermitClaims {
    /// Hash of the end-to-end part, which names request, body and datasets.
    #[serde(rename = "h")]
    pub header: HeaderHash,
    /// The receiver's code for the person, in the version that is current at the broker; absent where a request concerns nobody.
    #[serde(rename = "p")]
    pub person: Option<PersonCode>,
    /// The receiver's code for the same person in the other live version, while there are two: the receiver may
    /// know the person by one of them only.
    #[serde(rename = "q")]
    pub previous: Option<PersonCode>,
    /// Legal basis as configured at the broker, e.g. 番号法附則6条3項.
    #[serde(rename = "l")]
    pub legal_basis: String,
    /// Name of the broker.
    #[serde(rename = "b")]
    pub broker: String,
    /// Issue time, Unix milliseconds.
    #[serde(rename = "i")]
    pub issued_ms: u64,
    /// Expiry, Unix milliseconds.
    #[serde(rename = "x")]
    pub expires_ms: u64,
    /// The epoch of the connection: exported from its TLS session, so that nobody chooses it.
    #[serde(rename = "e", with = "serde_bytes")]
    pub epoch: [u8; 16],
    /// Running number within the epoch, from 1 without a gap; each is used once.
    #[serde(rename = "n")]
    pub number: u64,
}

/// Claims with their authentication code, HMAC-SHA-256 under a key exported from the hop's TLS session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Permit {
    /// What is vouched for.
    #[serde(rename = "c")]
    pub claims: PermitClaims,
    /// HMAC-SHA-256 over the canonical claims.
    #[serde(rename = "m", with = "serde_bytes")]
    pub mac: [u8; 32],
}

impl PermitClaims {
    /// The bytes that are authenticated.
    pub fn to_authenticated_bytes(&self) -> Result<Vec<u8>, CodecError> {
        encode(self)
    }
}
