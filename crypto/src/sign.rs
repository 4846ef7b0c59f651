//! Signatures: Ed25519 (RFC 8032) for registry and offline root, ECDSA on P-256 for channel identities.
//!
//! Private keys are PKCS#8 documents; public keys are 32 bytes (Ed25519) or SubjectPublicKeyInfo (P-256), which
//! is what a peer list pins and what TLS sends as a raw public key (RFC 7250).

mod identity;

use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED, ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use zeroize::Zeroizing;

use crate::mac::MacKey;
use crate::random::RandomError;

pub use identity::{ExternalSigner, IdentityKey, SignError, p256_spki};

/// DER before the 65-byte uncompressed point of a P-256 SubjectPublicKeyInfo (RFC 5480).
const P256_SPKI_PREFIX: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86,
    0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

const LOG_LABEL: &[u8] = b"chukei log signing v1";

/// Not a usable private key of the expected kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a usable private key")]
pub struct BadKey;

/// The signature is not this key's over this message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("signature does not verify")]
pub struct BadSignature;

/// An Ed25519 signing key.
pub struct SigningKey(Ed25519KeyPair);

impl SigningKey {
    /// A new private key as PKCS#8.
    pub fn generate() -> Result<Zeroizing<Vec<u8>>, RandomError> {
        let document = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).map_err(|_| RandomError)?;
        Ok(Zeroizing::new(document.as_ref().to_vec()))
    }

    /// Reads a PKCS#8 document with its public key.
    pub fn from_pkcs8(pkcs8: &[u8]) -> Result<Self, BadKey> {
        Ed25519KeyPair::from_pkcs8(pkcs8).map(Self).map_err(|_| BadKey)
    }

    /// The key of this seed (RFC 8032, 5.1.5), for seeds that are derived anew each time.
    pub(crate) fn from_seed(seed: &[u8; 32]) -> Result<Self, BadKey> {
        Ed25519KeyPair::from_seed_unchecked(seed).map(Self).map_err(|_| BadKey)
    }

    /// The key that the log signs its checkpoints with whose owner's log key this is: the same each time.
    pub fn of_log(log_key: &MacKey) -> Result<Self, BadKey> {
        Self::from_seed(&Zeroizing::new(log_key.tag(&[LOG_LABEL])))
    }

    /// The signature over `message`.
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        let mut signature = [0; 64];
        signature.copy_from_slice(self.0.sign(message).as_ref());
        signature
    }

    /// The public key.
    pub fn public(&self) -> [u8; 32] {
        let mut public = [0; 32];
        public.copy_from_slice(self.0.public_key().as_ref());
        public
    }
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SigningKey(redacted)")
    }
}

/// Checks an Ed25519 signature.
pub fn verify(public: &[u8], message: &[u8], signature: &[u8]) -> Result<(), BadSignature> {
    UnparsedPublicKey::new(&ED25519, public).verify(message, signature).map_err(|_| BadSignature)
}

/// Checks an ECDSA P-256 SHA-256 signature (r ‖ s) under a SubjectPublicKeyInfo.
pub fn verify_p256(spki: &[u8], message: &[u8], signature: &[u8]) -> Result<(), BadSignature> {
    let point = spki.strip_prefix(&P256_SPKI_PREFIX).ok_or(BadSignature)?;
    UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point)
        .verify(message, signature)
        .map_err(|_| BadSignature)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ed25519_signature_is_of_one_key_and_message() {
        let key = SigningKey::from_pkcs8(&SigningKey::generate().unwrap()).unwrap();
        let other = SigningKey::from_pkcs8(&SigningKey::generate().unwrap()).unwrap();
        let signature = key.sign(b"message");
        assert_eq!(verify(&key.public(), b"message", &signature), Ok(()));
        assert_eq!(verify(&key.public(), b"massage", &signature), Err(BadSignature));
        assert_eq!(verify(&other.public(), b"message", &signature), Err(BadSignature));
    }

    #[test]
    fn an_identity_signature_is_of_one_key_and_message() {
        let key = IdentityKey::from_pkcs8(&IdentityKey::generate_pkcs8().unwrap()).unwrap();
        let other = IdentityKey::from_pkcs8(&IdentityKey::generate_pkcs8().unwrap()).unwrap();
        let signature = key.sign(b"message").unwrap();
        assert_eq!(verify_p256(&key.public_spki(), b"message", &signature), Ok(()));
        assert_eq!(verify_p256(&key.public_spki(), b"massage", &signature), Err(BadSignature));
        assert_eq!(verify_p256(&other.public_spki(), b"message", &signature), Err(BadSignature));
        assert_eq!(verify_p256(&key.public_spki()[1..], b"message", &signature), Err(BadSignature));
    }

    #[test]
    fn our_public_key_is_the_one_tls_takes_from_the_same_document() {
        let key = IdentityKey::from_pkcs8(&IdentityKey::generate_pkcs8().unwrap()).unwrap();
        let certified = key.rustls_certified_key();
        assert_eq!(key.public_spki(), certified.key.public_key().unwrap().as_ref());
    }

    #[test]
    fn keys_of_the_wrong_kind_are_refused() {
        let ed25519 = SigningKey::generate().unwrap();
        let p256 = IdentityKey::generate_pkcs8().unwrap();
        assert!(IdentityKey::from_pkcs8(&ed25519).is_err());
        assert!(SigningKey::from_pkcs8(&p256).is_err());
        assert!(SigningKey::from_pkcs8(b"").is_err());
    }
}
