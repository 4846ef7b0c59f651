//! Whose key a log's is, and what is pinned by it.

use chukei_crypto::sign::SigningKey;

use super::*;
use crate::peers::{BodyPeer, Hex, Identities, PEERS_PURPOSE, PeerListFile};
use crate::signed::sign;

const NOW: u64 = 1_795_219_200_000;

fn identity() -> IdentityKey {
    IdentityKey::from_pkcs8(&IdentityKey::generate_pkcs8().unwrap()).unwrap()
}

fn list(identities: Identities) -> PeerList {
    let root = SigningKey::from_pkcs8(&SigningKey::generate().unwrap()).unwrap();
    let body = BodyPeer {
        code: code("982016"),
        name: "海鳴市".into(),
        identities,
        acquisition_public: Hex(vec![4; 65]),
    };
    let broker = |name: &str, key: u8| BrokerPeer {
        name: name.to_owned(),
        acquisition_public: Hex(vec![4; 65]),
        permit_public: Hex(vec![key; 32]),
        witness_public: Hex(vec![key + 10; 32]),
    };
    let file = PeerListFile {
        version: 1,
        issued_ms: 0,
        not_after_ms: u64::MAX,
        bodies: vec![body],
        portals: Vec::new(),
        brokers: vec![broker("broker-a", 6), broker("broker-b", 7)],
        registry: Hex(vec![0; 32]),
    };
    let json = file.to_json().unwrap();
    let signature = data_encoding::HEXLOWER.decode(sign(PEERS_PURPOSE, &json, &root).as_bytes()).unwrap();
    PeerList::verify(&json, &signature, &root.public(), NOW).unwrap()
}

fn code(text: &str) -> BodyCode {
    text.parse().unwrap()
}

#[test]
fn r24_a_logs_key_counts_as_a_listed_identity_of_its_body_has_certified_it() {
    let (older, newer) = (identity(), identity());
    let both = vec![Hex(newer.public_spki()), Hex(older.public_spki())];
    let peers = list(both.try_into().unwrap());
    for by in [&older, &newer] {
        let key = LogKey::certify(code("982016"), [1; 32], by).unwrap();
        assert_eq!(key.certified_by(&peers), Ok(by.spki()));
        assert_eq!(key.verify(&peers), Ok(()));
    }
    let key = LogKey::certify(code("982016"), [1; 32], &older).unwrap();
    let refused = |key: LogKey| key.verify(&peers).unwrap_err();
    assert_eq!(refused(LogKey { public: [2; 32], ..key.clone() }), LogKeyError::NotCertified);
    let mut signature = key.signature;
    signature[0] ^= 1;
    assert_eq!(refused(LogKey { signature, ..key.clone() }), LogKeyError::NotCertified);
    assert_eq!(
        refused(LogKey::certify(code("982016"), [1; 32], &identity()).unwrap()),
        LogKeyError::NotCertified
    );
    assert_eq!(refused(LogKey { body: code("982024"), ..key.clone() }), LogKeyError::UnknownBody);
    let retired = list(Identities::one(newer.public_spki()));
    assert_eq!(key.verify(&retired), Err(LogKeyError::NotCertified));
}

#[test]
fn what_is_certified_is_label_code_and_key() {
    let by = identity();
    let key = LogKey::certify(code("982016"), [7; 32], &by).unwrap();
    let bytes = [b"chukei log key v1\0".as_slice(), b"982016", &[7; 32]].concat();
    verify_p256(by.spki(), &bytes, &key.signature).unwrap();
}

#[test]
fn pinned_are_the_logs_key_and_every_brokers() {
    let by = identity();
    let peers = list(Identities::one(by.public_spki()));
    let key = LogKey::certify(code("982016"), [1; 32], &by).unwrap();
    let pins = key.pins(3, &peers).unwrap();
    assert_eq!(pins.origin(), "chukei.invalid/log/982016/3");
    let mut names: Vec<(&str, KeyKind, u8)> =
        pins.keys().iter().map(|key| (key.name(), key.kind(), key.public()[0])).collect();
    names.sort_unstable();
    let expected = [
        ("chukei.invalid/log/982016/3", KeyKind::Log, 1),
        ("chukei.invalid/witness/broker-a", KeyKind::Witness, 16),
        ("chukei.invalid/witness/broker-b", KeyKind::Witness, 17),
    ];
    assert_eq!(names, expected);
    let twice = LogKey::certify(code("982016"), [16; 32], &by).unwrap();
    assert_eq!(twice.pins(1, &peers), Err(LogKeyError::Unusable));
    let foreign = LogKey::certify(code("982016"), [1; 32], &identity()).unwrap();
    assert_eq!(foreign.pins(1, &peers), Err(LogKeyError::NotCertified));
}

#[test]
fn an_origin_has_one_form() {
    for (text, body, epoch) in [
        ("chukei.invalid/log/982016/1", "982016", 1),
        ("chukei.invalid/log/982024/18446744073709551615", "982024", u64::MAX),
    ] {
        let origin: LogOrigin = text.parse().unwrap();
        assert_eq!(origin, LogOrigin { body: code(body), epoch });
        assert_eq!(origin.to_string(), text);
    }
    for text in [
        "",
        "chukei.invalid/log/",
        "chukei.invalid/log/982016",
        "chukei.invalid/log/982016/",
        "chukei.invalid/log/982016/0",
        "chukei.invalid/log/982016/01",
        "chukei.invalid/log/982016/+1",
        "chukei.invalid/log/982016/1/",
        "chukei.invalid/log/982017/1",
        "chukei.invalid/log/982016/18446744073709551616",
        "chukei.example/log/982016/1",
        "chukei.invalid/witness/982016/1",
    ] {
        assert_eq!(text.parse::<LogOrigin>(), Err(BadOrigin), "{text}");
    }
}
