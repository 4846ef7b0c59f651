//! The list is believed whole and unchanged, or not at all (R24).

use std::fs;

use chukei_crypto::sign::SigningKey;

use super::*;
use crate::signed::sign;

const NOW: u64 = 1_700_000_000_000;

fn root() -> SigningKey {
    SigningKey::from_pkcs8(&SigningKey::generate().unwrap()).unwrap()
}

fn list() -> PeerListFile {
    let body = |code: &str, key: u8| BodyPeer {
        code: code.parse().unwrap(),
        name: "海鳴市".to_owned(),
        identities: Identities::one(vec![key; 91]),
        acquisition_public: Hex(vec![key; 65]),
    };
    let broker = |name: &str, key: u8| BrokerPeer {
        name: name.to_owned(),
        acquisition_public: Hex(vec![4; 65]),
        permit_public: Hex(vec![key; 32]),
        witness_public: Hex(vec![key + 10; 32]),
    };
    PeerListFile {
        version: 1,
        issued_ms: NOW,
        not_after_ms: NOW + 1000,
        bodies: vec![body("982016", 1), body("982024", 2)],
        portals: vec![PortalPeer { name: "mynaportal".to_owned(), identities: Identities::one(vec![3; 91]) }],
        brokers: vec![broker("broker-a", 6), broker("broker-b", 7)],
        registry: Hex(vec![5; 32]),
    }
}

fn signed(file: &PeerListFile, now_ms: u64) -> Result<PeerList, PeerListError> {
    let root = root();
    let bytes = file.to_json().unwrap();
    let signature = data_encoding::HEXLOWER.decode(sign(PEERS_PURPOSE, &bytes, &root).as_bytes()).unwrap();
    PeerList::verify(&bytes, &signature, &root.public(), now_ms)
}

#[test]
fn a_signed_list_names_every_party() {
    let peers = signed(&list(), NOW).unwrap();
    assert_eq!(peers.body(&"982024".parse().unwrap()).unwrap().identities, Identities::one(vec![2; 91]));
    assert_eq!(peers.portal("mynaportal").unwrap().identities, Identities::one(vec![3; 91]));
    assert_eq!(peers.broker("broker-a").unwrap().acquisition_public, Hex(vec![4; 65]));
    assert_eq!(peers.broker("broker-b").unwrap().permit_public, Hex(vec![7; 32]));
    assert_eq!(peers.broker("broker-b").unwrap().witness_public, Hex(vec![17; 32]));
    assert_eq!(peers.registry(), &[5; 32]);
    assert!(peers.body(&"983012".parse().unwrap()).is_none());
}

#[test]
fn signing_keys_are_whole_and_none_is_used_twice() {
    for key in [vec![6; 32], vec![16; 32], vec![7; 31], Vec::new()] {
        let (mut permits, mut witness) = (list(), list());
        permits.brokers[1].permit_public = Hex(key.clone());
        witness.brokers[1].witness_public = Hex(key);
        for list in [permits, witness] {
            assert_eq!(signed(&list, NOW).unwrap_err(), PeerListError::Malformed);
        }
    }
    let mut list = list();
    list.brokers[1].witness_public = list.brokers[1].permit_public.clone();
    assert_eq!(signed(&list, NOW).unwrap_err(), PeerListError::Malformed);
}

#[test]
fn r24_one_changed_byte_anywhere_is_tampering() {
    let root = root();
    let bytes = list().to_json().unwrap();
    let signature = data_encoding::HEXLOWER.decode(sign(PEERS_PURPOSE, &bytes, &root).as_bytes()).unwrap();
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        let refused = PeerList::verify(&changed, &signature, &root.public(), NOW);
        assert_eq!(refused.unwrap_err(), PeerListError::Tampered, "byte {at}");
    }
}

#[test]
fn r24_files_are_read_with_their_signature_beside_them() {
    let dir = tempfile::tempdir().unwrap();
    let (path, public) = (dir.path().join("peers.json"), dir.path().join("root.pub"));
    let root = root();
    let mut bytes = list().to_json().unwrap();
    fs::write(&path, &bytes).unwrap();
    fs::write(&public, data_encoding::HEXLOWER.encode(&root.public())).unwrap();
    assert_eq!(PeerList::load(&path, &public, NOW).unwrap_err(), PeerListError::Unreadable);
    fs::write(signature_path(&path), sign(PEERS_PURPOSE, &bytes, &root) + "\n").unwrap();
    assert!(PeerList::load(&path, &public, NOW).is_ok());
    bytes.push(b' ');
    fs::write(&path, &bytes).unwrap();
    assert_eq!(PeerList::load(&path, &public, NOW).unwrap_err(), PeerListError::Tampered);
}

#[test]
fn a_signature_of_another_root_is_tampering() {
    let bytes = list().to_json().unwrap();
    let signature = data_encoding::HEXLOWER.decode(sign(PEERS_PURPOSE, &bytes, &root()).as_bytes()).unwrap();
    let refused = PeerList::verify(&bytes, &signature, &root().public(), NOW);
    assert_eq!(refused.unwrap_err(), PeerListError::Tampered);
}

#[test]
fn a_list_past_its_end_is_refused() {
    assert!(signed(&list(), NOW + 1000).is_ok());
    assert_eq!(signed(&list(), NOW + 1001).unwrap_err(), PeerListError::Expired);
}

#[test]
fn r1_shared_keys_and_repeated_names_are_refused_even_when_signed() {
    let mut shared = list();
    shared.portals[0].identities = Identities::try_from(vec![Hex(vec![3; 91]), Hex(vec![1; 91])]).unwrap();
    let mut repeated = list();
    repeated.bodies[1].code = repeated.bodies[0].code;
    let mut newer = list();
    newer.version = 2;
    for file in [shared, repeated, newer] {
        assert_eq!(signed(&file, NOW).unwrap_err(), PeerListError::Malformed);
    }
}
