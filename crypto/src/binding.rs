//! The binding secret of (person, body): shared by portal and body, unknown to the broker (R22).
//!
//! The portal derives it; the body receives it inside the acquisition number. A request proves it by a tag over
//! the header hash, and a reply's key mixes it in, so that a person code mapped to somebody else ends as
//! [`SubjectMismatch`] or as bytes that do not open.

use crate::key::secret;
use crate::mac::MacKey;

secret!(
    /// The binding secret of one person at one body.
    BindingSecret
);

/// The tag was not made by somebody who shares this person's binding secret: `SUBJECT_MISMATCH`, and an alarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the request is not bound to this person")]
pub struct SubjectMismatch;

impl BindingSecret {
    /// Derives the secret of (`person`, `body`) from the resident registry's master.
    pub fn derive(master: &[u8; 32], person: &[u8], body: &[u8]) -> Self {
        Self::from_bytes(MacKey::from_slice(master).tag(&[b"chukei binding secret v1", person, body]))
    }

    /// The proof that goes with the request whose header has this hash.
    pub fn tag(&self, header: &[u8; 32]) -> [u8; 32] {
        self.mac().tag(&[Self::TAG, header])
    }

    /// Checks the proof in constant time.
    pub fn verify(&self, header: &[u8; 32], tag: &[u8; 32]) -> Result<(), SubjectMismatch> {
        self.mac().verify(&[Self::TAG, header], tag).map_err(|_| SubjectMismatch)
    }

    /// A number of this person at `party` that tells nothing and stays the same whenever it is derived again.
    pub(crate) fn number_id(&self, party: &str) -> [u8; 16] {
        let tag = self.mac().tag(&[b"chukei acquisition number id v1", party.as_bytes()]);
        let mut id = [0; 16];
        id.iter_mut().zip(tag).for_each(|(to, from)| *to = from);
        id
    }

    const TAG: &[u8] = b"chukei binding tag v1";

    fn mac(&self) -> MacKey {
        MacKey::from_slice(self.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r22_a_tag_of_another_person_body_or_request_is_a_mismatch() {
        let secret = BindingSecret::derive(&[1; 32], b"person", b"982016");
        let tag = secret.tag(&[9; 32]);
        assert_eq!(secret.verify(&[9; 32], &tag), Ok(()));
        assert_eq!(secret.verify(&[8; 32], &tag), Err(SubjectMismatch));
        let others = [
            BindingSecret::derive(&[1; 32], b"other", b"982016"),
            BindingSecret::derive(&[1; 32], b"person", b"982024"),
            BindingSecret::derive(&[2; 32], b"person", b"982016"),
        ];
        for other in others {
            assert_eq!(other.verify(&[9; 32], &tag), Err(SubjectMismatch));
        }
    }

    /// The portal derives these again for as long as the registry's master lives: they may never change.
    #[test]
    fn frozen_form_of_version_1() {
        let secret = BindingSecret::derive(&[1; 32], b"person", b"982016");
        let parts: [&[u8]; 3] = [secret.as_bytes(), &secret.tag(&[9; 32]), &secret.number_id("body/982016")];
        insta::assert_snapshot!(parts.map(|part| data_encoding::HEXLOWER.encode(part)).join("\n"));
    }
}
