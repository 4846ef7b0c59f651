//! The statement with which a body begins a new epoch of its log: that it came back from a backup, and that two persons have
//! decided that it goes on from there (R43).
//!
//! What must hold: it counts under an identity that the signed peer list gives the body now, for this body and epoch alone,
//! and where two different persons of the body stand in it. Deliberately absent: whether those two may decide it, which the
//! body's own register says, and what was cosigned before, which each witness knows for itself.

use chukei_crypto::sign::{IdentityKey, SignError, verify_p256};
use chukei_crypto::tlog::{Pins, SignedCheckpoint};
use chukei_wire::body_code::BodyCode;
use chukei_wire::codec::{CodecError, encode};
use chukei_wire::identity::Identity;
use chukei_wire::limits::LOG_CHECKPOINT_MAX;
use chukei_wire::message::log::{LogGap, LogGapClaims};

use crate::log_key::{LogKey, LogOrigin};
use crate::peers::PeerList;

/// What is signed before the claims, so that no other signature of the identity fits.
const LABEL: &[u8] = b"chukei log gap v1\0";

/// Why a statement does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LogGapError {
    /// It is about another log, or says what cannot be.
    #[error("not a statement of the beginning of this epoch")]
    Malformed,
    /// Not two different persons of the body's staff.
    #[error("not decided by two persons of the body")]
    NotTwo,
    /// Not signed by an identity that the list gives the body.
    #[error("not signed by the body")]
    NotSigned,
}

/// Signs a statement with the body's identity. Blocks where that lies in a token.
pub fn sign_gap(claims: LogGapClaims, identity: &IdentityKey) -> Result<LogGap, SignError> {
    let bytes = signed(&claims).map_err(|error| SignError(Box::new(error)))?;
    let signature = identity.sign(&bytes)?;
    Ok(LogGap { claims, signature })
}

/// Checks a statement for the log `origin` under the log's certified key; the checkpoint of an epoch before that it names.
pub fn verify_gap(
    gap: &LogGap,
    origin: &LogOrigin,
    key: &LogKey,
    peers: &PeerList,
) -> Result<Option<(LogOrigin, SignedCheckpoint)>, LogGapError> {
    let claims = &gap.claims;
    if claims.body != origin.body || claims.epoch != origin.epoch || claims.first == 0 {
        return Err(LogGapError::Malformed);
    }
    let [first, second] = &claims.persons;
    if first == second || !is_staff(first, claims.body) || !is_staff(second, claims.body) {
        return Err(LogGapError::NotTwo);
    }
    let bytes = signed(claims).map_err(|_| LogGapError::Malformed)?;
    let body = peers.body(&claims.body).ok_or(LogGapError::NotSigned)?;
    if !body.identities.iter().any(|spki| verify_p256(spki, &bytes, &gap.signature).is_ok()) {
        return Err(LogGapError::NotSigned);
    }
    claims.last.as_ref().map(|note| last(note, origin, key)).transpose()
}

/// The checkpoint that a statement names: of an epoch before, signed by the log.
fn last(note: &[u8], origin: &LogOrigin, key: &LogKey) -> Result<(LogOrigin, SignedCheckpoint), LogGapError> {
    let malformed = |_| LogGapError::Malformed;
    if note.len() > LOG_CHECKPOINT_MAX {
        return Err(LogGapError::Malformed);
    }
    let checkpoint = SignedCheckpoint::parse(note).map_err(|_| LogGapError::Malformed)?;
    let of: LogOrigin = checkpoint.unverified().origin().parse().map_err(malformed)?;
    if of.body != origin.body || of.epoch >= origin.epoch {
        return Err(LogGapError::Malformed);
    }
    let verifier = key.verifier(of.epoch).map_err(|_| LogGapError::Malformed)?;
    let pins = Pins::new(&of.to_string(), vec![verifier]).map_err(|_| LogGapError::Malformed)?;
    checkpoint.verify(&pins).map_err(|_| LogGapError::NotSigned)?;
    Ok((of, checkpoint))
}

fn is_staff(identity: &str, body: BodyCode) -> bool {
    matches!(identity.parse(), Ok(Identity::Staff(of, _)) if of == body)
}

fn signed(claims: &LogGapClaims) -> Result<Vec<u8>, CodecError> {
    Ok([LABEL, &encode(claims)?].concat())
}

#[cfg(test)]
mod tests;
