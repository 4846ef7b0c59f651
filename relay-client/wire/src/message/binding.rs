//! Proofs that a sealed message is about the person its permit names (R22), one for each version of the binding
//! secret that the sender holds.
//!
//! What must hold: a proof is checked under the secret of the version it names and no other. No version in common is
//! no sign of a mix-up, only of a body or portal that was left behind by a rotation.

use chukei_crypto::binding::{BindingSecret, Bindings, SubjectMismatch};
use serde::{Deserialize, Serialize};

use crate::id::HeaderHash;
use crate::limits::BINDING_TAGS_MAX;

/// The proof of one version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BindingTag {
    /// Version of the binding secret.
    #[serde(rename = "v")]
    pub version: u8,
    /// HMAC-SHA-256 of the version and the header hash under that secret.
    #[serde(rename = "t", with = "serde_bytes")]
    pub tag: [u8; 32],
}

/// Why a message is not taken to be about the person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotProven {
    /// A proof that was not made with this person's secret: `SUBJECT_MISMATCH`, and an alarm (R35).
    #[error(transparent)]
    Mismatch(#[from] SubjectMismatch),
    /// No version in common: `CODE_NOT_ACQUIRED`; the body has to enrol the person with a newer number.
    #[error("no version of the binding secret in common")]
    NoCommonVersion,
    /// No proof, too many, or not in descending order of versions.
    #[error("malformed binding tags")]
    Malformed,
}

/// The proofs of everything held about a person, newest first.
pub fn prove(bindings: &Bindings, header: HeaderHash) -> Vec<BindingTag> {
    let tag = |secret: &BindingSecret| BindingTag { version: secret.version(), tag: secret.tag(&header.0) };
    bindings.iter().map(tag).collect()
}

/// Checks the proof of the newest version that both sides hold, and gives that version's secret.
pub fn verify<'a>(
    bindings: &'a Bindings,
    tags: &[BindingTag],
    header: HeaderHash,
) -> Result<&'a BindingSecret, NotProven> {
    if tags.is_empty() || tags.len() > BINDING_TAGS_MAX || !tags.is_sorted_by(|a, b| a.version > b.version) {
        return Err(NotProven::Malformed);
    }
    let common = tags.iter().find_map(|tag| Some((bindings.of(tag.version)?, tag)));
    let (secret, tag) = common.ok_or(NotProven::NoCommonVersion)?;
    secret.verify(&header.0, &tag.tag)?;
    Ok(secret)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: HeaderHash = HeaderHash([9; 32]);

    fn secret(version: u8) -> BindingSecret {
        BindingSecret::from_bytes(version, [version; 32]).unwrap()
    }

    fn held(older: u8, newer: u8) -> Bindings {
        let mut bindings = Bindings::new(secret(older));
        bindings.add(secret(newer)).unwrap();
        bindings
    }

    #[test]
    fn r22_the_newest_version_in_common_decides() {
        let one = Bindings::new(secret(1));
        let proven = |body: &Bindings, portal: &Bindings| {
            verify(body, &prove(portal, HASH), HASH).map(BindingSecret::version)
        };
        assert_eq!(proven(&one, &one), Ok(1));
        assert_eq!(proven(&one, &held(1, 2)), Ok(1));
        assert_eq!(proven(&held(1, 2), &held(1, 2)), Ok(2));
        assert_eq!(proven(&held(1, 2), &held(2, 3)), Ok(2));
        assert_eq!(proven(&one, &held(2, 3)), Err(NotProven::NoCommonVersion));
    }

    #[test]
    fn r22_a_wrong_proof_of_the_newest_version_is_a_mismatch_whatever_the_older_one_proves() {
        let body = held(1, 2);
        let mut tags = prove(&body, HASH);
        tags[0].tag[0] ^= 1;
        assert_eq!(verify(&body, &tags, HASH), Err(SubjectMismatch.into()));
        let elsewhere = verify(&body, &prove(&body, HASH), HeaderHash([8; 32]));
        assert_eq!(elsewhere, Err(SubjectMismatch.into()));
        // A proof that calls itself another version's is none of that version either.
        let mut renamed = prove(&Bindings::new(secret(1)), HASH);
        renamed[0].version = 2;
        assert_eq!(verify(&body, &renamed, HASH), Err(SubjectMismatch.into()));
    }

    #[test]
    fn proofs_are_one_or_two_and_newest_first() {
        let both = prove(&held(1, 2), HASH);
        let reversed = vec![both[1].clone(), both[0].clone()];
        let twice = vec![both[0].clone(), both[0].clone()];
        let three = [prove(&Bindings::new(secret(3)), HASH), both].concat();
        for tags in [reversed, twice, three, Vec::new()] {
            assert_eq!(verify(&held(1, 2), &tags, HASH), Err(NotProven::Malformed));
        }
    }
}
