//! The question to an authority, and whether what comes back answers it.

use super::element::{BOOLEAN, INTEGER, OBJECT_IDENTIFIER, OCTET_STRING, SEQUENCE};
use super::{Policy, Roots, Stamp, StampError, oid, open, reply};
use crate::hash::sha256;
use crate::random::{self, RandomError};

/// A question about some bytes, good for one answer.
#[derive(Debug)]
pub struct Request {
    digest: [u8; 32],
    /// Its bytes as an INTEGER has them: the first is neither 0 nor above 127.
    nonce: [u8; 17],
    policy: Option<Policy>,
}

impl Request {
    /// A question for a stamp of `content`, under a policy where one is named, with 128 bits that nobody can guess.
    pub fn new(content: &[u8], policy: Option<Policy>) -> Result<Self, RandomError> {
        let mut nonce = [1; 17];
        let [_, random @ ..] = &mut nonce;
        random::fill(random)?;
        Ok(Self { digest: sha256(content), nonce, policy })
    }

    /// The DER of the TimeStampReq: SHA-256, and the authority's certificate is asked for.
    pub fn to_der(&self) -> Vec<u8> {
        let algorithm = element(SEQUENCE, &[&element(OBJECT_IDENTIFIER, &[oid::SHA_256]), &[0x05, 0x00]]);
        let imprint = element(SEQUENCE, &[&algorithm, &element(OCTET_STRING, &[&self.digest])]);
        let policy = self.policy.as_ref().map(|policy| element(OBJECT_IDENTIFIER, &[policy.value()]));
        let parts: [&[u8]; 5] = [
            &element(INTEGER, &[&[1]]),
            &imprint,
            &policy.unwrap_or_default(),
            &element(INTEGER, &[&self.nonce]),
            &element(BOOLEAN, &[&[0xff]]),
        ];
        element(SEQUENCE, &parts)
    }

    /// Takes the authority's reply, received at `now_ms`: the token to keep, and what it proves. Its time is at most
    /// `apart_ms` from that.
    pub fn accept(
        &self,
        reply: &[u8],
        roots: &Roots,
        now_ms: u64,
        apart_ms: u64,
    ) -> Result<(Vec<u8>, Stamp), StampError> {
        let token = reply::token(reply)?;
        let (stamp, nonce) = open(token, &self.digest, roots)?;
        if nonce != Some(self.nonce.as_slice()) {
            return Err(StampError::OtherRequest);
        }
        if self.policy.is_some_and(|policy| policy != stamp.policy) {
            return Err(StampError::OtherPolicy);
        }
        if stamp.at_ms.abs_diff(now_ms) > apart_ms {
            return Err(StampError::OtherTime);
        }
        Ok((token.to_vec(), stamp))
    }

    /// The question that committed replies answer.
    #[cfg(test)]
    pub(super) fn with_nonce(content: &[u8], policy: Option<Policy>, nonce: [u8; 17]) -> Self {
        Self { digest: sha256(content), nonce, policy }
    }
}

/// One element; none of a request is longer than one byte of length says.
fn element(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let mut out = vec![tag];
    match u8::try_from(length) {
        Ok(short @ ..0x80) => out.push(short),
        // A policy is an object identifier of at most 39 bytes: nothing comes here that two bytes do not say.
        _ => out.extend([0x81, u8::try_from(length).unwrap_or(u8::MAX)]),
    }
    parts.iter().for_each(|part| out.extend_from_slice(part));
    out
}
