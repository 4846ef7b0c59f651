//! The keys that a body's log is verified by: the log's own, which the body has certified, and those of its witnesses.
//!
//! What must hold: a log's key counts under an identity that the signed peer list gives the body now (R24), and for
//! logs of that body alone; witnesses are the brokers of the list, by the keys that stand there.

use std::fmt;
use std::str::FromStr;

use chukei_crypto::sign::{IdentityKey, SignError, verify_p256};
use chukei_crypto::tlog::{KeyError, KeyKind, Pins, PinsError, VerifierKey};
use chukei_wire::body_code::BodyCode;

use crate::peers::{BrokerPeer, PeerList};

/// What is signed before code and key, so that no other signature of the identity fits.
const LABEL: &[u8] = b"chukei log key v1\0";
/// What origins begin with.
const ORIGINS: &str = "chukei.invalid/log/";
/// What names of witnesses begin with.
const WITNESSES: &str = "chukei.invalid/witness/";

/// Which log: of a body, and of which epoch. Written as its origin, `chukei.invalid/log/<body code>/<epoch>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LogOrigin {
    /// The body.
    pub body: BodyCode,
    /// From 1. A log that was restored goes on in a new one.
    pub epoch: u64,
}

/// Not an origin in its one form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the origin of a body's log")]
pub struct BadOrigin;

impl fmt::Display for LogOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{ORIGINS}{}/{}", self.body, self.epoch)
    }
}

impl FromStr for LogOrigin {
    type Err = BadOrigin;

    fn from_str(text: &str) -> Result<Self, BadOrigin> {
        let (body, epoch) =
            text.strip_prefix(ORIGINS).and_then(|rest| rest.split_once('/')).ok_or(BadOrigin)?;
        let origin =
            Self { body: body.parse().map_err(|_| BadOrigin)?, epoch: epoch.parse().map_err(|_| BadOrigin)? };
        if origin.epoch > 0 && origin.to_string() == text { Ok(origin) } else { Err(BadOrigin) }
    }
}

/// A log's public key with the body's certificate of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogKey {
    /// The body.
    pub body: BodyCode,
    /// Ed25519 public key of its log, of whichever epoch.
    pub public: [u8; 32],
    /// ECDSA P-256 with SHA-256 by the body's identity, r ‖ s, over the label `chukei log key v1`, a zero byte, the code
    /// and the key.
    pub signature: [u8; 64],
}

/// Why a log's key does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LogKeyError {
    /// The peer list does not name the body.
    #[error("the peer list does not name the body")]
    UnknownBody,
    /// Not signed by an identity that the list gives the body.
    #[error("not certified by the body")]
    NotCertified,
    /// A key that cannot be pinned: one that is used twice, or a name that is none.
    #[error("keys that cannot be pinned")]
    Unusable,
}

impl From<KeyError> for LogKeyError {
    fn from(_: KeyError) -> Self {
        Self::Unusable
    }
}

impl From<PinsError> for LogKeyError {
    fn from(_: PinsError) -> Self {
        Self::Unusable
    }
}

impl LogKey {
    /// Certifies the public key of a body's log.
    pub fn certify(body: BodyCode, public: [u8; 32], identity: &IdentityKey) -> Result<Self, SignError> {
        let signature = identity.sign(&signed(body, &public))?;
        Ok(Self { body, public, signature })
    }

    /// Checks that the body has certified it, by an identity that the list gives it now.
    pub fn verify(&self, peers: &PeerList) -> Result<(), LogKeyError> {
        self.certified_by(peers).map(|_| ())
    }

    /// The body's identity (SubjectPublicKeyInfo) that has certified it, of those that the list gives it now.
    pub fn certified_by<'a>(&self, peers: &'a PeerList) -> Result<&'a [u8], LogKeyError> {
        let body = peers.body(&self.body).ok_or(LogKeyError::UnknownBody)?;
        let bytes = signed(self.body, &self.public);
        let by = |spki: &&[u8]| verify_p256(spki, &bytes, &self.signature).is_ok();
        body.identities.iter().find(by).ok_or(LogKeyError::NotCertified)
    }

    /// The key as checkpoints of the log of this epoch name it.
    pub fn verifier(&self, epoch: u64) -> Result<VerifierKey, KeyError> {
        let origin = LogOrigin { body: self.body, epoch };
        VerifierKey::new(&origin.to_string(), KeyKind::Log, self.public)
    }

    /// What somebody who verifies that log holds fast: this key, once it is verified, and every broker's of the list.
    pub fn pins(&self, epoch: u64, peers: &PeerList) -> Result<Pins, LogKeyError> {
        self.verify(peers)?;
        let witnesses = peers.brokers().map(BrokerPeer::witness).collect::<Result<Vec<_>, _>>()?;
        let log = self.verifier(epoch)?;
        let origin = log.name().to_owned();
        Ok(Pins::new(&origin, std::iter::once(log).chain(witnesses).collect())?)
    }
}

fn signed(body: BodyCode, public: &[u8; 32]) -> Vec<u8> {
    [LABEL, body.as_bytes(), public].concat()
}

/// The name by which the broker's cosignatures go.
pub fn witness_name(broker: &str) -> String {
    format!("{WITNESSES}{broker}")
}

impl BrokerPeer {
    /// The key of its cosignatures.
    pub fn witness(&self) -> Result<VerifierKey, KeyError> {
        let public = self.witness_public.0.as_slice().try_into().map_err(|_| KeyError::Malformed)?;
        VerifierKey::new(&witness_name(&self.name), KeyKind::Witness, public)
    }
}

#[cfg(test)]
mod tests;
