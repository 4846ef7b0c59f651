//! HPKE (RFC 9180) with the suite of acquisition numbers — DHKEM(P-256, HKDF-SHA256), HKDF-SHA256, AES-256-GCM —
//! between the `hpke` crate and AWS-LC. The RFC itself prints no vector of this suite.

use hpke::aead::AesGcm256;
use hpke::kdf::HkdfSha256;
use hpke::kem::DhP256HkdfSha256 as Kem;
use hpke::{Deserializable, Kem as _, OpModeR, OpModeS, Serializable, single_shot_open, single_shot_seal};
use rustls::crypto::aws_lc_rs::hpke::DH_KEM_P256_HKDF_SHA256_AES_256 as THEIRS;
use rustls::crypto::hpke::{EncapsulatedSecret, Hpke, HpkePrivateKey, HpkePublicKey};

const INFO: &[u8] = b"interop info";
const AAD: &[u8] = b"body/982016";
const TEXT: &[u8] = b"a part of an acquisition number";
const ROUNDS: usize = 8;

#[test]
fn interop_hpke_sealed_by_ours_opens_with_aws_lc() {
    for _ in 0..ROUNDS {
        let (public, private) = THEIRS.generate_key_pair().unwrap();
        let reader = <Kem as hpke::Kem>::PublicKey::from_bytes(&public.0).unwrap();
        let (point, mut sealed) =
            single_shot_seal::<AesGcm256, HkdfSha256, Kem>(&OpModeS::Base, &reader, INFO, TEXT, AAD).unwrap();
        let point = EncapsulatedSecret(point.to_bytes().to_vec());
        assert_eq!(THEIRS.open(&point, INFO, AAD, &sealed, &private).unwrap(), TEXT);
        assert!(THEIRS.open(&point, INFO, b"body/982024", &sealed, &private).is_err());
        sealed[0] ^= 1;
        assert!(THEIRS.open(&point, INFO, AAD, &sealed, &private).is_err());
    }
}

#[test]
fn interop_hpke_sealed_by_aws_lc_opens_with_ours() {
    for _ in 0..ROUNDS {
        let (private, public) = Kem::gen_keypair();
        let (point, mut sealed) =
            THEIRS.seal(INFO, AAD, TEXT, &HpkePublicKey(public.to_bytes().to_vec())).unwrap();
        let point = <Kem as hpke::Kem>::EncappedKey::from_bytes(&point.0).unwrap();
        let open = |aad: &[u8], sealed: &[u8]| {
            single_shot_open::<AesGcm256, HkdfSha256, Kem>(
                &OpModeR::Base,
                &private,
                &point,
                INFO,
                sealed,
                aad,
            )
        };
        assert_eq!(open(AAD, &sealed).unwrap(), TEXT);
        assert!(open(b"body/982024", &sealed).is_err());
        sealed[0] ^= 1;
        assert!(open(AAD, &sealed).is_err());
    }
}

#[test]
fn interop_hpke_private_keys_are_the_same_scalar() {
    let (private, public) = Kem::gen_keypair();
    let (point, sealed) = THEIRS.seal(INFO, AAD, TEXT, &HpkePublicKey(public.to_bytes().to_vec())).unwrap();
    let private = HpkePrivateKey::from(private.to_bytes().to_vec());
    assert_eq!(THEIRS.open(&point, INFO, AAD, &sealed, &private).unwrap(), TEXT);
}
