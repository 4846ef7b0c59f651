//! Factors that a user proves beside the certificate (R5): a key that signs what only one connection and one
//! challenge have.
//!
//! What must hold: a proof is of one connection, one user, one challenge and one factor; a key made of what a person
//! knows costs whoever guesses as much as whoever knows. Deliberately absent: what kind a factor is, which the register
//! says; where a key is kept; how often somebody may try.

use std::num::NonZeroU32;

use ring::pbkdf2;
use ring::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use zeroize::Zeroizing;

use crate::sign::{self, BadKey, BadSignature, SigningKey};

/// Label of the exporter and of what is signed.
pub const LABEL: &[u8] = b"chukei factor v1";
/// Bytes of an Ed25519 public key.
const ED25519: usize = 32;
/// Bytes of an uncompressed point on P-256.
const P256: usize = 65;

/// What a factor signs: the label, a zero byte, 32 bytes that the connection exports under the label with its user's
/// identity as the context, the challenge, and the factor's name, whose length is what is left.
pub fn message(exported: &[u8; 32], challenge: &[u8; 32], name: &str) -> Vec<u8> {
    [LABEL, &[0], exported, challenge, name.as_bytes()].concat()
}

/// The key made of what a person knows: PBKDF2-HMAC-SHA256 (RFC 8018) to the seed of an Ed25519 key. Takes as long as
/// `rounds` ask for, some tenths of a second for a million. No rounds are refused.
pub fn stretched(known: &[u8], salt: &[u8], rounds: u32) -> Result<SigningKey, BadKey> {
    let rounds = NonZeroU32::new(rounds).ok_or(BadKey)?;
    let mut seed = Zeroizing::new([0; 32]);
    pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, rounds, salt, known, &mut seed[..]);
    SigningKey::from_seed(&seed)
}

/// Checks a factor's signature: Ed25519 under a key of 32 bytes, or ECDSA with SHA-256 in its fixed form under an
/// uncompressed point on P-256.
pub fn verify(public: &[u8], message: &[u8], signature: &[u8]) -> Result<(), BadSignature> {
    match public.len() {
        ED25519 => sign::verify(public, message, signature),
        P256 => UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, public)
            .verify(message, signature)
            .map_err(|_| BadSignature),
        _ => Err(BadSignature),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sign::IdentityKey;

    #[test]
    fn frozen_form_of_what_is_signed_and_of_a_key_from_a_pin() {
        let signed = message(&[1; 32], &[2; 32], "pin");
        let expected = [&b"chukei factor v1\0"[..], &[1; 32], &[2; 32], b"pin"].concat();
        assert_eq!(signed, expected);
        // The first block of an independent PBKDF2 for these inputs is the seed of this key.
        let key =
            stretched(b"passwordPASSWORDpassword", b"saltSALTsaltSALTsaltSALTsaltSALTsalt", 4_096).unwrap();
        let seed = data_encoding::HEXLOWER
            .decode(b"348c89dbcbd32b2f32d814b8116e84cf2b17347ebc1800181c4e2a1fb8dd53e1")
            .unwrap();
        let expected = SigningKey::from_seed(&seed.try_into().unwrap()).unwrap();
        assert_eq!(key.public(), expected.public());
    }

    #[test]
    fn r5_a_proof_is_of_one_connection_challenge_factor_and_key() {
        let key = stretched(b"correct horse", &[9; 16], 1).unwrap();
        let signed = message(&[1; 32], &[2; 32], "pin");
        let signature = key.sign(&signed);
        assert_eq!(verify(&key.public(), &signed, &signature), Ok(()));
        for other in [message(&[3; 32], &[2; 32], "pin"), message(&[1; 32], &[3; 32], "pin")] {
            assert_eq!(verify(&key.public(), &other, &signature), Err(BadSignature));
        }
        let named = message(&[1; 32], &[2; 32], "pin2");
        assert_eq!(verify(&key.public(), &named, &signature), Err(BadSignature));
        for wrong in [
            (&b"correct horsf"[..], [9; 16], 1),
            (b"correct horse", [8; 16], 1),
            (b"correct horse", [9; 16], 2),
        ] {
            let other = stretched(wrong.0, &wrong.1, wrong.2).unwrap();
            assert_eq!(verify(&other.public(), &signed, &signature), Err(BadSignature));
        }
        assert!(stretched(b"correct horse", &[9; 16], 0).is_err());
    }

    #[test]
    fn both_algorithms_verify_and_no_other_length_of_key_does() {
        let key = IdentityKey::from_pkcs8(&IdentityKey::generate_pkcs8().unwrap()).unwrap();
        let point = &key.spki()[26..];
        let signature = key.sign(b"message").unwrap();
        assert_eq!(verify(point, b"message", &signature), Ok(()));
        assert_eq!(verify(point, b"massage", &signature), Err(BadSignature));
        for public in [&[][..], key.spki(), &point[1..], &point[..32]] {
            assert_eq!(verify(public, b"message", &signature), Err(BadSignature));
        }
    }
}
