//! Time stamps of an authority (RFC 3161, RFC 5816) over bytes that somebody holds: asking, and believing the answer.
//!
//! What must hold: a token counts for exactly the bytes whose SHA-256 it names, by the one signer whose certificate it
//! names itself, for nothing but time stamping, with a chain to a pinned root that was valid at the stamped time. What
//! answers a request besides names the request's 128 random bits and a time near the caller's. Only algorithms of the
//! list (R21): RSASSA-PKCS1-v1_5 from 2,048 bits and ECDSA on P-256 and P-384, with SHA-2; a certificate that is named by
//! its SHA-1 alone (`signing-certificate` of RFC 2634) is not named.
//!
//! Deliberately absent: sockets and clocks; revocation, which says nothing about a time before it (`openssl ts -verify
//! -crl_check` looks at it); accuracy, which is not compared with anything; any other hash of the stamped bytes.

mod attributes;
mod certificate;
mod element;
mod info;
mod oid;
mod policy;
mod reply;
mod request;
mod roots;
mod signed;

use crate::hash::sha256;

pub use policy::{BadPolicy, Policy};
pub use request::Request;
pub use roots::{BadRoots, Roots};

use info::Info;
use signed::Signed;

/// Longest reply of an authority, and longest token, in bytes.
pub const REPLY_MAX: usize = 64 * 1024;
/// Most certificates in a token, the signer's with them.
pub const CERTIFICATES_MAX: usize = 8;

/// Why a reply or a token proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StampError {
    /// Longer than [`REPLY_MAX`], or with more certificates than [`CERTIFICATES_MAX`].
    #[error("the time stamp is too large")]
    TooLarge,
    /// Not the one form of RFC 3161, in DER.
    #[error("not a time stamp")]
    Malformed,
    /// The authority has not granted it.
    #[error("the authority did not grant the time stamp")]
    NotGranted,
    /// It is not a stamp of these bytes.
    #[error("the time stamp is of other bytes")]
    OtherBytes,
    /// It answers another request.
    #[error("the time stamp answers another request")]
    OtherRequest,
    /// It was made under another policy than the one asked for.
    #[error("the time stamp is of another policy")]
    OtherPolicy,
    /// Its time is further from the caller's than it may be.
    #[error("the stamped time is too far from this clock's")]
    OtherTime,
    /// An algorithm that is not on the list (R21).
    #[error("the time stamp uses an algorithm that is not accepted")]
    Algorithm,
    /// What is signed is not what the token holds, or does not name the signer's certificate.
    #[error("the time stamp does not name what it signs")]
    Attributes,
    /// The certificate of the signer is not in the token.
    #[error("the time stamp lacks its signer's certificate")]
    NoCertificate,
    /// The signer's certificate is not for time stamping, and for that alone.
    #[error("the signer's certificate is not for time stamping alone")]
    Purpose,
    /// No chain leads from the signer to a pinned root at the stamped time.
    #[error("no chain from the signer to a pinned root")]
    Untrusted,
    /// A certificate of the chain was not valid at the stamped time.
    #[error("a certificate of the authority was not valid at the stamped time")]
    NotValidThen,
    /// The signature does not verify.
    #[error("the signature of the time stamp does not verify")]
    Signature,
}

impl StampError {
    /// The stable name, as logs and scripts have it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::TooLarge => "too_large",
            Self::Malformed => "malformed",
            Self::NotGranted => "not_granted",
            Self::OtherBytes => "other_bytes",
            Self::OtherRequest => "other_request",
            Self::OtherPolicy => "other_policy",
            Self::OtherTime => "other_time",
            Self::Algorithm => "algorithm",
            Self::Attributes => "attributes",
            Self::NoCertificate => "no_certificate",
            Self::Purpose => "purpose",
            Self::Untrusted => "untrusted",
            Self::NotValidThen => "not_valid_then",
            Self::Signature => "signature",
        }
    }
}

/// What a token proves: these bytes were there at this time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// The stamped time, Unix milliseconds; finer parts are cut off.
    pub at_ms: u64,
    /// The authority's policy.
    pub policy: Policy,
    /// The authority's number of the stamp, big-endian without leading zeros.
    pub serial: Vec<u8>,
}

/// Verifies a token over `content`, whenever it was received.
pub fn verify(token: &[u8], content: &[u8], roots: &Roots) -> Result<Stamp, StampError> {
    let (stamp, _) = open(token, &sha256(content), roots)?;
    Ok(stamp)
}

/// The stamp and the nonce of a token over bytes with this digest.
fn open<'a>(
    token: &'a [u8],
    digest: &[u8; 32],
    roots: &Roots,
) -> Result<(Stamp, Option<&'a [u8]>), StampError> {
    if token.len() > REPLY_MAX {
        return Err(StampError::TooLarge);
    }
    let signed = Signed::read(token)?;
    let info = Info::read(signed.content)?;
    // The cheap and telling causes first; nothing is returned before all of it holds.
    if info.digest != digest {
        return Err(StampError::OtherBytes);
    }
    signed.verify(roots, info.at_ms)?;
    let Info { at_ms, policy, serial, nonce, .. } = info;
    Ok((Stamp { at_ms, policy, serial: serial.to_vec() }, nonce))
}

#[cfg(test)]
mod tests;
