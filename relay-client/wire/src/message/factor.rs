//! Plain messages of one hop by which a user proves a factor beside the certificate (R5, R6).
//!
//! Deliberately absent: the factor's kind and public key, which the node has from its register and from nobody else; and
//! anything of what a person knows, which never leaves the terminal.

use serde::{Deserialize, Serialize};

use crate::limits::{FACTOR_CHALLENGE, FACTOR_SIGNATURE};

/// To the node: a challenge is wanted for a factor, or here is its proof. The reply to the first is a
/// [`FactorChallenge`], to the second STATUS alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FactorRequest {
    /// The factor's name in its owner's entry.
    #[serde(rename = "n")]
    pub name: String,
    /// The proof; absent where a challenge is wanted.
    #[serde(rename = "p")]
    pub proof: Option<FactorProof>,
}

/// The answer to a challenge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FactorProof {
    /// The challenge as it came.
    #[serde(rename = "c", with = "serde_bytes")]
    pub challenge: [u8; FACTOR_CHALLENGE],
    /// Ed25519, or ECDSA P-256 with SHA-256 in its fixed form, over what `chukei_crypto::factor` makes of the
    /// connection's export, the challenge and the name.
    #[serde(rename = "s", with = "serde_bytes")]
    pub signature: [u8; FACTOR_SIGNATURE],
}

/// From the node: what is to be signed, once and within two minutes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FactorChallenge {
    /// Random.
    #[serde(rename = "c", with = "serde_bytes")]
    pub challenge: [u8; FACTOR_CHALLENGE],
    /// How the key is made of what the person knows; absent where it is not.
    #[serde(rename = "k")]
    pub stretch: Option<FactorStretch>,
}

/// PBKDF2-HMAC-SHA256 (RFC 8018) from what a person knows to the seed of an Ed25519 key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FactorStretch {
    /// 16 to 64 bytes.
    #[serde(rename = "s", with = "serde_bytes")]
    pub salt: Vec<u8>,
    /// `PIN_ROUNDS_MIN` to `PIN_ROUNDS_MAX`.
    #[serde(rename = "r")]
    pub rounds: u32,
}
