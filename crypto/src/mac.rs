//! HMAC-SHA-256 (FIPS 198-1) over a list of parts.
//!
//! Every part is preceded by its length (u64, big-endian): two different lists never give the same input. The
//! key's inner and outer states are computed once, when the key is made, and written over when it is dropped.

use std::hint::black_box;
use std::sync::LazyLock;

use ring::hmac;
use zeroize::Zeroize;

/// A key ready for use.
#[derive(Clone)]
pub struct MacKey(hmac::Key);

/// The tag does not belong to these parts under this key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("authentication tag does not match")]
pub struct BadMac;

impl MacKey {
    /// Prepares a key from 32 secret bytes; the copy passed in is wiped.
    pub fn new(mut secret: [u8; 32]) -> Self {
        let key = Self::from_slice(&secret);
        secret.zeroize();
        key
    }

    pub(crate) fn from_slice(secret: &[u8; 32]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, secret))
    }

    /// The 32-byte tag of `parts`.
    pub fn tag(&self, parts: &[&[u8]]) -> [u8; 32] {
        self.tag_behind(&[], parts)
    }

    /// The tag of `prefix` and `parts` as one list, without joining them first.
    pub(crate) fn tag_behind(&self, prefix: &[&[u8]], parts: &[&[u8]]) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.0);
        for part in prefix.iter().chain(parts) {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part);
        }
        let mut tag = [0; 32];
        tag.copy_from_slice(context.sign().as_ref());
        tag
    }

    /// Checks `tag` in constant time.
    pub fn verify(&self, parts: &[&[u8]], tag: &[u8]) -> Result<(), BadMac> {
        let good = subtle::ConstantTimeEq::ct_eq(&self.tag(parts)[..], tag);
        if bool::from(good) { Ok(()) } else { Err(BadMac) }
    }
}

impl Drop for MacKey {
    fn drop(&mut self) {
        self.0.clone_from(&SPENT);
        black_box(&self.0);
    }
}

static SPENT: LazyLock<hmac::Key> = LazyLock::new(|| hmac::Key::new(hmac::HMAC_SHA256, &[0; 32]));

impl std::fmt::Debug for MacKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MacKey(redacted)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_one_part_ends_matters() {
        let key = MacKey::new([1; 32]);
        assert_ne!(key.tag(&[b"ab", b"c"]), key.tag(&[b"a", b"bc"]));
        assert_ne!(key.tag(&[b"ab"]), key.tag(&[b"ab", b""]));
    }

    #[test]
    fn only_the_whole_right_tag_is_accepted() {
        let key = MacKey::new([1; 32]);
        let tag = key.tag(&[b"part"]);
        assert_eq!(key.verify(&[b"part"], &tag), Ok(()));
        assert_eq!(key.verify(&[b"other"], &tag), Err(BadMac));
        assert_eq!(key.verify(&[b"part"], &tag[..31]), Err(BadMac));
        assert_eq!(key.verify(&[b"part"], &[]), Err(BadMac));
        assert_eq!(MacKey::new([2; 32]).verify(&[b"part"], &tag), Err(BadMac));
    }
}
