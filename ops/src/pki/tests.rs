//! What is issued loads where it will be used; nothing long-lived is ever replaced.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;

use chukei_crypto::sign::IdentityKey;
use chukei_relay_client::peers::{PeerList, PeerListError};
use chukei_relay_client::tls::{DeviceCredentials, HopCredentials};

use super::*;

const NOW: u64 = 1_790_000_000_000;
const DAY_MS: u64 = 86_400_000;

fn body() -> BodyCode {
    "982016".parse().unwrap()
}

fn folder() -> (tempfile::TempDir, Pki) {
    let dir = tempfile::tempdir().unwrap();
    let pki = Pki::init(&dir.path().join("pki"), NOW).unwrap();
    (dir, pki)
}

fn load(hop: &HopPaths) -> std::sync::Arc<HopCredentials> {
    HopCredentials::load(&hop.certificate, &hop.key, &hop.authority).unwrap()
}

fn contents(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let paths =
        |dir: &Path| fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect::<Vec<_>>();
    let mut files = paths(dir);
    if dir.join("roots").is_dir() {
        files.extend(paths(&dir.join("roots")));
    }
    files
        .into_iter()
        .filter(|path| path.is_file())
        .map(|path| (path.file_name().unwrap().to_str().unwrap().to_owned(), fs::read(&path).unwrap()))
        .collect()
}

#[test]
fn r20_every_certificate_names_its_holder_and_its_end() {
    let (_dir, pki) = folder();
    let address = ["127.0.0.1".parse().unwrap()];
    let hops = [
        (pki.issue_node("node-a", &address, Validity::hop(NOW)).unwrap(), "chukei://node/node-a"),
        (pki.issue_broker("broker-a", &address, Validity::hop(NOW)).unwrap().hop, "chukei://broker/broker-a"),
        (pki.issue_portal("mynaportal", &[], Validity::hop(NOW)).unwrap().hop, "chukei://portal/mynaportal"),
        (
            pki.issue_staff(body(), "u-tax-07", Validity::hop(NOW)).unwrap(),
            "chukei://body/982016/staff/u-tax-07",
        ),
        (pki.issue_system(body(), "zeimu", Validity::hop(NOW)).unwrap(), "chukei://body/982016/system/zeimu"),
        issued(&pki, "chukei://body/982016/auditor/a-01"),
        issued(&pki, "chukei://platform/operator/o-01"),
        issued(&pki, "chukei://platform/maintenance/m-ven-01"),
    ];
    for (hop, identity) in hops {
        let credentials = load(&hop);
        assert_eq!(credentials.identity().to_string(), identity);
        assert_eq!(credentials.not_after_ms(), NOW + 90 * DAY_MS);
    }
}

fn issued<'a>(pki: &Pki, identity: &'a str) -> (HopPaths, &'a str) {
    (pki.issue(&identity.parse().unwrap(), Validity::hop(NOW)).unwrap(), identity)
}

#[test]
fn a_device_has_a_certificate_that_no_connection_is_made_with() {
    let (_dir, pki) = folder();
    for identity in ["chukei://body/982016/device/t-01", "chukei://platform/device/t-01"] {
        let (paths, _) = issued(&pki, identity);
        let device = DeviceCredentials::load(&paths.certificate, &paths.key).unwrap();
        assert_eq!(device.identity().to_string(), identity);
        assert!(HopCredentials::load(&paths.certificate, &paths.key, &paths.authority).is_err());
    }
    for identity in ["chukei://node/a", "chukei://broker/a", "chukei://portal/a"] {
        let refused = pki.issue(&identity.parse().unwrap(), Validity::hop(NOW));
        assert!(matches!(refused, Err(PkiError::Name)), "these have more than a certificate");
    }
}

#[test]
fn the_number_of_days_is_the_callers_within_bounds() {
    let (_dir, pki) = folder();
    let one = pki.issue_node("node-a", &[], Validity { now_ms: NOW, days: 1 }).unwrap();
    assert_eq!(load(&one).not_after_ms(), NOW + DAY_MS);
    for days in [0, DAYS_MAX + 1] {
        let refused = Validity { now_ms: NOW, days };
        assert!(matches!(pki.issue_node("node-a", &[], refused), Err(PkiError::Validity)));
        assert!(matches!(pki.write_peers(refused), Err(PkiError::Validity)));
        assert!(matches!(pki.write_crl(refused), Err(PkiError::Validity)));
        assert!(matches!(pki.revoke("node-a", false, refused), Err(PkiError::Validity)));
    }
}

#[test]
fn r24_the_peer_list_verifies_and_one_changed_byte_is_tampering() {
    let (_dir, pki) = folder();
    pki.issue_broker("broker-a", &[], Validity::hop(NOW)).unwrap();
    pki.issue_portal("mynaportal", &[], Validity::hop(NOW)).unwrap();
    let keys = pki.issue_body(body(), "海鳴市").unwrap();
    let paths = pki.write_peers(Validity::peers(NOW)).unwrap();

    let list = PeerList::load(&paths.file, &paths.root, NOW).unwrap();
    let identity = IdentityKey::from_pkcs8(&key_file::read(&keys.identity_key).unwrap()).unwrap();
    let peer = list.body(&body()).unwrap();
    assert_eq!((peer.name.as_str(), peer.identities.newest()), ("海鳴市", &*identity.public_spki()));
    assert!(list.portal("mynaportal").is_some() && list.broker("broker-a").is_some());

    let changed = fs::read_to_string(&paths.file).unwrap().replacen("海鳴市", "海嗚市", 1);
    fs::write(&paths.file, changed).unwrap();
    assert!(matches!(PeerList::load(&paths.file, &paths.root, NOW), Err(PeerListError::Tampered)));
}

#[test]
fn two_brokers_open_the_same_part_of_an_acquisition_number() {
    let (_dir, pki) = folder();
    let a = pki.issue_broker("broker-a", &[], Validity::hop(NOW)).unwrap();
    let b = pki.issue_broker("broker-b", &[], Validity::hop(NOW)).unwrap();
    assert_ne!(a.acquisition_key, b.acquisition_key);
    assert_eq!(fs::read(a.acquisition_key).unwrap(), fs::read(b.acquisition_key).unwrap());
    assert_eq!(a.code_master, b.code_master);
}

#[test]
fn r25_issuing_again_renews_hops_and_keeps_every_long_lived_key() {
    let (_dir, pki) = folder();
    let issue = || {
        pki.issue_broker("broker-a", &[], Validity::hop(NOW)).unwrap();
        pki.issue_portal("mynaportal", &[], Validity::hop(NOW)).unwrap();
        pki.issue_body(body(), "海鳴市").unwrap();
        contents(pki.dir())
    };
    let (first, second) = (issue(), issue());
    let changed: Vec<&str> = first
        .iter()
        .filter(|(name, bytes)| second[*name] != **bytes)
        .map(|(name, _)| name.as_str())
        .collect();
    let renewed = [
        "broker-a.key",
        "broker-a.pem",
        "certificates.json",
        "portal-mynaportal.key",
        "portal-mynaportal.pem",
    ];
    assert_eq!(changed, renewed);
    assert_eq!(first.len(), second.len());
}

#[test]
fn a_folder_is_made_once_and_used_by_one_process_at_a_time() {
    let (_dir, pki) = folder();
    let before = contents(pki.dir());
    let path = pki.dir().to_owned();
    assert!(matches!(Pki::open(&path), Err(PkiError::Io { .. })));
    drop(pki);
    assert!(matches!(Pki::init(&path, NOW), Err(PkiError::Exists(_))));
    assert_eq!(contents(&path), before);
    Pki::open(&path).unwrap();
}

#[test]
fn secrets_are_readable_by_their_owner_alone() {
    let (_dir, pki) = folder();
    pki.issue_node("node-a", &[], Validity::hop(NOW)).unwrap();
    pki.issue_body(body(), "海鳴市").unwrap();
    let keys = contents(pki.dir()).into_keys().filter(|name| name.ends_with(".key"));
    let keys: Vec<String> = keys.collect();
    assert!(keys.len() >= 7, "{keys:?}");
    for name in keys {
        let places = [pki.dir().join(&name), pki.dir().join("roots").join(&name)];
        let path = places.iter().find(|path| path.exists()).unwrap();
        let mode = fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}

#[test]
fn a_name_never_becomes_another_file_or_another_holder() {
    let (_dir, pki) = folder();
    let v = Validity::hop(NOW);
    let before = contents(pki.dir());
    for name in ["", "../out", "a/b", "A", "ca", "peer-root", "body-982016", "海鳴", &"a".repeat(65)] {
        assert!(matches!(pki.issue_node(name, &[], v), Err(PkiError::Name)), "{name}");
        assert!(matches!(pki.issue_broker(name, &[], v), Err(PkiError::Name)), "{name}");
    }
    for name in ["", "../out", "U"] {
        assert!(matches!(pki.issue_staff(body(), name, v), Err(PkiError::Name)), "{name}");
        assert!(matches!(pki.issue_portal(name, &[], v), Err(PkiError::Name)), "{name}");
    }
    assert!(matches!(pki.issue_body(body(), "二\n行"), Err(PkiError::Name)));
    assert_eq!(contents(pki.dir()), before);

    pki.issue_node("one", &[], v).unwrap();
    assert!(matches!(pki.issue_broker("one", &[], v), Err(PkiError::Name)));
    pki.issue_broker("two", &[], v).unwrap();
    assert!(matches!(pki.issue_node("two", &[], v), Err(PkiError::Name)));
}
