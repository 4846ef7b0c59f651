//! The P-256 identity of a body or portal, wherever its private key is: in this process, or with a signer outside
//! it that never gives it away.
//!
//! What must hold: both kinds show the same public key in the same form, and a handshake or delegation cannot
//! tell them apart. An outside signer may block, and may fail at any time: that fails the act, and no other key
//! stands in.

use std::error::Error;
use std::sync::Arc;

use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, SubjectPublicKeyInfoDer};
use rustls::sign::{CertifiedKey, Signer, SigningKey};
use rustls::{OtherError, SignatureAlgorithm, SignatureScheme};
use zeroize::Zeroizing;

use super::{BadKey, P256_SPKI_PREFIX, verify_p256};
use crate::random::{self, RandomError};

/// Bytes of an uncompressed point of P-256.
const POINT: usize = 65;

/// A message was not signed. The source is for the log.
#[derive(Debug, thiserror::Error)]
#[error("the identity key did not sign: {0}")]
pub struct SignError(#[source] pub Box<dyn Error + Send + Sync>);

/// Signs under a P-256 key that is kept outside this process.
pub trait ExternalSigner: Send + Sync + std::fmt::Debug {
    /// The public key as SubjectPublicKeyInfo, 91 bytes of DER.
    fn public_spki(&self) -> Vec<u8>;

    /// ECDSA with SHA-256 over `message`: r ‖ s. Blocks until the signer answers or is given up.
    fn sign(&self, message: &[u8]) -> Result<[u8; 64], SignError>;
}

/// SubjectPublicKeyInfo of an uncompressed point of P-256 (65 bytes, the first is 4).
pub fn p256_spki(point: &[u8]) -> Result<Vec<u8>, BadKey> {
    match point {
        [4, ..] if point.len() == POINT => Ok([&P256_SPKI_PREFIX[..], point].concat()),
        _ => Err(BadKey),
    }
}

/// A long-lived P-256 identity: of a body or a portal, in its channels and its delegations.
pub struct IdentityKey {
    key: Key,
    spki: Vec<u8>,
    certified: Arc<CertifiedKey>,
}

enum Key {
    Own(Box<EcdsaKeyPair>),
    External(Arc<dyn ExternalSigner>),
}

impl IdentityKey {
    /// A new private key as PKCS#8.
    pub fn generate_pkcs8() -> Result<Zeroizing<Vec<u8>>, RandomError> {
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new())
            .map_err(|_| RandomError)?;
        Ok(Zeroizing::new(document.as_ref().to_vec()))
    }

    /// Reads a PKCS#8 document with its public key.
    pub fn from_pkcs8(pkcs8: &[u8]) -> Result<Self, BadKey> {
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8, &SystemRandom::new())
            .map_err(|_| BadKey)?;
        let spki = p256_spki(pair.public_key().as_ref())?;
        let document = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(pkcs8));
        let signer = rustls::crypto::ring::sign::any_ecdsa_type(&document).map_err(|_| BadKey)?;
        Ok(Self { key: Key::Own(Box::new(pair)), certified: certified(&spki, signer), spki })
    }

    /// Stands on a key outside this process, once it has shown by a signature that it is the one of its public
    /// key.
    pub fn external(signer: Arc<dyn ExternalSigner>) -> Result<Self, SignError> {
        let spki = signer.public_spki();
        let challenge: [u8; 32] = random::bytes().map_err(|error| SignError(error.into()))?;
        let proof = [b"chukei identity key in use v1 ", &challenge[..]].concat();
        let signature = signer.sign(&proof)?;
        verify_p256(&spki, &proof, &signature).map_err(|error| SignError(error.into()))?;
        let key = Arc::new(ExternalKey { signer: Arc::clone(&signer), spki: spki.clone() });
        Ok(Self { key: Key::External(signer), certified: certified(&spki, key), spki })
    }

    /// Whether a signature may block for long, so that it belongs on a thread that may wait.
    pub fn may_block(&self) -> bool {
        matches!(self.key, Key::External(_))
    }

    /// The public key as SubjectPublicKeyInfo, 91 bytes of DER.
    pub fn public_spki(&self) -> Vec<u8> {
        self.spki.clone()
    }

    /// The same, borrowed.
    pub fn spki(&self) -> &[u8] {
        &self.spki
    }

    /// ECDSA with SHA-256 over `message`: r ‖ s. Draws a nonce or asks an outside signer, hence may fail.
    pub fn sign(&self, message: &[u8]) -> Result<[u8; 64], SignError> {
        let pair = match &self.key {
            Key::Own(pair) => pair,
            Key::External(signer) => return signer.sign(message),
        };
        let made = pair.sign(&SystemRandom::new(), message).map_err(|_| SignError(Box::new(RandomError)))?;
        let mut signature = [0; 64];
        signature.copy_from_slice(made.as_ref());
        Ok(signature)
    }

    /// The key as rustls presents it: a raw public key, no certificate.
    pub fn rustls_certified_key(&self) -> Arc<CertifiedKey> {
        Arc::clone(&self.certified)
    }
}

impl std::fmt::Debug for IdentityKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("IdentityKey(redacted)")
    }
}

fn certified(spki: &[u8], key: Arc<dyn SigningKey>) -> Arc<CertifiedKey> {
    Arc::new(CertifiedKey::new(vec![CertificateDer::from(spki.to_vec())], key))
}

/// An outside signer as rustls uses it.
#[derive(Debug, Clone)]
struct ExternalKey {
    signer: Arc<dyn ExternalSigner>,
    spki: Vec<u8>,
}

impl SigningKey for ExternalKey {
    fn choose_scheme(&self, offered: &[SignatureScheme]) -> Option<Box<dyn Signer>> {
        let ours = offered.contains(&SignatureScheme::ECDSA_NISTP256_SHA256);
        ours.then(|| Box::new(self.clone()) as Box<dyn Signer>)
    }

    fn public_key(&self) -> Option<SubjectPublicKeyInfoDer<'_>> {
        Some(SubjectPublicKeyInfoDer::from(self.spki.as_slice()))
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::ECDSA
    }
}

impl Signer for ExternalKey {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rustls::Error> {
        let signature = self.signer.sign(message).map_err(|error| OtherError(Arc::new(error)))?;
        Ok(ecdsa_der(&signature))
    }

    fn scheme(&self) -> SignatureScheme {
        SignatureScheme::ECDSA_NISTP256_SHA256
    }
}

/// Ecdsa-Sig-Value (RFC 3279, 2.2.3) of r ‖ s: a sequence of two integers, each without superfluous zeros and with
/// one where its first bit would read as a sign. Never longer than 72 bytes, so every length is one byte.
fn ecdsa_der(signature: &[u8; 64]) -> Vec<u8> {
    let mut integers = Vec::with_capacity(72);
    for number in signature.chunks(32) {
        let zeros = number.iter().take(31).take_while(|byte| **byte == 0).count();
        let digits = number.get(zeros..).unwrap_or_default();
        let sign: &[u8] = if digits.first().is_some_and(|byte| *byte >= 0x80) { &[0] } else { &[] };
        integers.extend([0x02, (sign.len() + digits.len()) as u8]);
        integers.extend(sign);
        integers.extend(digits);
    }
    [&[0x30, integers.len() as u8], integers.as_slice()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls::provider;

    /// A key outside, as far as [`IdentityKey`] can see.
    #[derive(Debug)]
    struct Outside {
        key: IdentityKey,
        shown: Vec<u8>,
        gone: bool,
    }

    impl ExternalSigner for Outside {
        fn public_spki(&self) -> Vec<u8> {
            self.shown.clone()
        }

        fn sign(&self, message: &[u8]) -> Result<[u8; 64], SignError> {
            if self.gone { Err(SignError("gone".into())) } else { self.key.sign(message) }
        }
    }

    fn own() -> IdentityKey {
        IdentityKey::from_pkcs8(&IdentityKey::generate_pkcs8().unwrap()).unwrap()
    }

    fn outside() -> Outside {
        let key = own();
        Outside { shown: key.public_spki(), key, gone: false }
    }

    #[test]
    fn an_outside_key_signs_and_shows_itself_like_one_of_our_own() {
        let key = IdentityKey::external(Arc::new(outside())).unwrap();
        assert!(key.may_block() && !own().may_block());
        let signature = key.sign(b"message").unwrap();
        assert_eq!(verify_p256(key.spki(), b"message", &signature), Ok(()));
        let certified = key.rustls_certified_key();
        assert_eq!(certified.key.public_key().unwrap().as_ref(), key.spki());
        assert_eq!(certified.cert[0].as_ref(), key.spki());
        assert!(certified.key.choose_scheme(&[SignatureScheme::ED25519]).is_none());
    }

    #[test]
    fn an_outside_key_that_is_not_the_one_it_shows_is_refused() {
        let other = Outside { shown: own().public_spki(), ..outside() };
        assert!(IdentityKey::external(Arc::new(other)).is_err());
        let gone = Outside { gone: true, ..outside() };
        assert!(IdentityKey::external(Arc::new(gone)).is_err());
    }

    /// Enough of them that integers with and without leading zeros are among them.
    #[test]
    fn tls_takes_the_signatures_of_an_outside_key() {
        let key = IdentityKey::external(Arc::new(outside())).unwrap();
        let certified = key.rustls_certified_key();
        let signer = certified.key.choose_scheme(&[SignatureScheme::ECDSA_NISTP256_SHA256]).unwrap();
        let spki = SubjectPublicKeyInfoDer::from(key.spki());
        let algorithms = provider().signature_verification_algorithms;
        for number in 0..400_u32 {
            let message = number.to_be_bytes();
            let signature = signer.sign(&message).unwrap();
            let algorithm = algorithms.mapping[1].1[0];
            let point = &spki.as_ref()[P256_SPKI_PREFIX.len()..];
            algorithm.verify_signature(point, &message, &signature).unwrap();
        }
    }

    #[test]
    fn integers_are_encoded_in_their_one_form() {
        let mut signature = [0; 64];
        (signature[31], signature[32]) = (1, 0x80);
        let mut expected = vec![0x30, 3 + 35, 0x02, 1, 1, 0x02, 33, 0, 0x80];
        expected.extend([0; 31]);
        assert_eq!(ecdsa_der(&signature), expected);
        assert_eq!(ecdsa_der(&[0; 64]), [0x30, 6, 0x02, 1, 0, 0x02, 1, 0]);
        assert_eq!(ecdsa_der(&[0xff; 64]).len(), 72);
    }
}
