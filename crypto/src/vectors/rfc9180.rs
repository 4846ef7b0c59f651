//! RFC 9180: the HPKE of acquisition numbers.

use hpke::aead::AesGcm128;
use hpke::kdf::HkdfSha256;
use hpke::kem::DhP256HkdfSha256;
use hpke::{Deserializable, OpModeR, single_shot_open};

use super::ran;

fn hex(text: &str) -> Vec<u8> {
    data_encoding::HEXLOWER.decode(text.as_bytes()).unwrap()
}

/// RFC 9180, A.3.1.1, sequence number 0: our KEM and KDF. That vector's AEAD is AES-128-GCM; the RFC has none
/// for AES-256-GCM, which is held against AWS-LC in tests/interop.
#[test]
fn rfc_9180_p256_base_mode() {
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
    ran("RFC 9180 A.3.1.1", 1, 1);
}
