//! Authentication of permits between one broker and one receiver (R22).
//!
//! The key is exported from the hop's TLS session: a permit of another connection does not verify.

use crate::mac::{BadMac, MacKey};

/// The permit key of one connection, prepared once.
#[derive(Clone, Debug)]
pub struct PermitKey(MacKey);

impl PermitKey {
    /// Takes the exported bytes; the copy passed in is wiped.
    pub fn from_bytes(secret: [u8; 32]) -> Self {
        Self(MacKey::new(secret))
    }

    /// The tag over a permit's canonical claims.
    pub fn tag(&self, claims: &[u8]) -> [u8; 32] {
        self.0.tag(&[Self::LABEL, claims])
    }

    /// Checks a permit's tag in constant time.
    pub fn verify(&self, claims: &[u8], tag: &[u8]) -> Result<(), BadMac> {
        self.0.verify(&[Self::LABEL, claims], tag)
    }

    const LABEL: &[u8] = b"chukei permit v1";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r22_an_altered_permit_or_one_of_another_connection_is_refused() {
        let key = PermitKey::from_bytes([1; 32]);
        let tag = key.tag(b"claims");
        assert_eq!(key.verify(b"claims", &tag), Ok(()));
        assert_eq!(key.verify(b"clains", &tag), Err(BadMac));
        assert_eq!(PermitKey::from_bytes([2; 32]).verify(b"claims", &tag), Err(BadMac));
    }

    #[test]
    fn frozen_form_of_version_1() {
        let tag = PermitKey::from_bytes([1; 32]).tag(b"claims");
        insta::assert_snapshot!(data_encoding::HEXLOWER.encode(&tag));
    }
}
