//! HKDF-SHA-256 (RFC 5869, SP 800-56C): keys from keys, apart by label and context.

use std::hint::black_box;
use std::sync::LazyLock;

use ring::aead::{AES_256_GCM, UnboundKey};
use ring::hkdf;

use crate::cipher::Cipher;

/// More output was asked for than HKDF-SHA-256 gives: 8,160 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("more key material was asked for than the derivation gives")]
pub struct DeriveError;

/// Fills `out`, at most 8,160 bytes, from `secret`. Label and every part of the context are preceded by their
/// length, so that no two derivations share an input.
pub fn expand(secret: &[u8], label: &str, context: &[&[u8]], out: &mut [u8]) -> Result<(), DeriveError> {
    let mut info = Vec::new();
    for part in [label.as_bytes()].iter().chain(context) {
        info.extend_from_slice(&(part.len() as u64).to_be_bytes());
        info.extend_from_slice(part);
    }
    Extracted::new(&[], secret).fill(&[&info], out)
}

/// HKDF's first step with its salt prepared: a secret that many keys begin with.
pub(crate) struct Extractor(hkdf::Salt);

impl Extractor {
    pub(crate) fn new(salt: &[u8; 32]) -> Self {
        Self(hkdf::Salt::new(hkdf::HKDF_SHA256, salt))
    }

    pub(crate) fn extract(&self, secret: &[u8]) -> Extracted {
        Extracted(self.0.extract(secret))
    }
}

/// Long-lived: writing over it takes as long as preparing it.
impl Drop for Extractor {
    fn drop(&mut self) {
        self.0 = hkdf::Salt::new(hkdf::HKDF_SHA256, &[0; 32]);
        black_box(&self.0);
    }
}

/// What HKDF's first step leaves: the pseudorandom key that every output is expanded from.
#[derive(Clone)]
pub(crate) struct Extracted(hkdf::Prk);

impl Extracted {
    pub(crate) fn new(salt: &[u8], secret: &[u8]) -> Self {
        Self(hkdf::Salt::new(hkdf::HKDF_SHA256, salt).extract(secret))
    }

    /// A secret that is uniformly random already takes no first step (RFC 5869, 3.3).
    pub(crate) fn uniform(secret: &[u8; 32]) -> Self {
        Self(hkdf::Prk::new_less_safe(hkdf::HKDF_SHA256, secret))
    }

    /// Callers keep `info` unambiguous: its parts are joined as they are.
    pub(crate) fn fill(&self, info: &[&[u8]], out: &mut [u8]) -> Result<(), DeriveError> {
        let okm = self.0.expand(info, Length(out.len())).map_err(|_| DeriveError)?;
        okm.fill(out).map_err(|_| DeriveError)
    }

    /// An AES-256-GCM key, which never passes through our own memory.
    pub(crate) fn cipher(&self, info: &[&[u8]]) -> Result<Cipher, DeriveError> {
        let okm = self.0.expand(info, &AES_256_GCM).map_err(|_| DeriveError)?;
        Ok(Cipher::new(UnboundKey::from(okm)))
    }
}

impl Drop for Extracted {
    fn drop(&mut self) {
        self.0.clone_from(&SPENT);
        black_box(&self.0);
    }
}

static SPENT: LazyLock<hkdf::Prk> = LazyLock::new(|| hkdf::Prk::new_less_safe(hkdf::HKDF_SHA256, &[0; 32]));

struct Length(usize);

impl hkdf::KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn derived(secret: &[u8], label: &str, context: &[&[u8]]) -> [u8; 32] {
        let mut out = [0; 32];
        expand(secret, label, context, &mut out).unwrap();
        out
    }

    #[test]
    fn label_context_and_their_borders_separate_keys() {
        let keys = [
            derived(&[1; 32], "label", &[b"ab", b"c"]),
            derived(&[1; 32], "label", &[b"a", b"bc"]),
            derived(&[1; 32], "labela", &[b"b", b"c"]),
            derived(&[2; 32], "label", &[b"ab", b"c"]),
        ];
        for (i, key) in keys.iter().enumerate() {
            assert!(keys.iter().skip(i + 1).all(|other| other != key));
        }
    }

    #[test]
    fn too_much_output_is_an_error() {
        assert_eq!(expand(&[1; 32], "label", &[], &mut vec![0; 8_160]), Ok(()));
        assert_eq!(expand(&[1; 32], "label", &[], &mut vec![0; 8_161]), Err(DeriveError));
    }

    #[test]
    fn frozen_form_of_a_derivation() {
        insta::assert_snapshot!(data_encoding::HEXLOWER.encode(&derived(&[1; 32], "label", &[b"ab", b"c"])));
    }
}
