//! What lies on disk comes into force if its root signed it, and is a fault if that does not change (R24).

use std::fs;

use chukei_crypto::sign::SigningKey;

use super::*;
use crate::peers::{BrokerPeer, Hex, PEERS_PURPOSE, PeerListFile};
use crate::signed::sign;

const NOW: u64 = 1_700_000_000_000;

struct Folder {
    dir: tempfile::TempDir,
    root: SigningKey,
}

impl Folder {
    fn new() -> Self {
        let root = SigningKey::from_pkcs8(&SigningKey::generate().unwrap()).unwrap();
        let folder = Self { dir: tempfile::tempdir().unwrap(), root };
        fs::write(folder.root_file(), data_encoding::HEXLOWER.encode(&folder.root.public())).unwrap();
        folder
    }

    fn file(&self) -> PathBuf {
        self.dir.path().join("peers.json")
    }

    fn root_file(&self) -> PathBuf {
        self.dir.path().join("root.pub")
    }

    /// A list that names this broker; its signature is not written.
    fn write(&self, broker: &str) -> Vec<u8> {
        let key = Hex(vec![4; 65]);
        let list = PeerListFile {
            version: 1,
            issued_ms: NOW,
            not_after_ms: NOW + 1000,
            bodies: Vec::new(),
            portals: Vec::new(),
            brokers: vec![BrokerPeer {
                name: broker.to_owned(),
                acquisition_public: key,
                permit_public: Hex(vec![6; 32]),
                witness_public: Hex(vec![7; 32]),
            }],
            registry: Hex(vec![5; 32]),
        };
        let bytes = list.to_json().unwrap();
        fs::write(self.file(), &bytes).unwrap();
        bytes
    }

    fn sign(&self, list: &[u8]) {
        fs::write(signature_path(&self.file()), sign(PEERS_PURPOSE, list, &self.root)).unwrap();
    }

    fn open(&self) -> WatchedPeers {
        WatchedPeers::open(self.file(), self.root_file(), NOW).unwrap()
    }
}

/// As if what is wrong had been wrong for long.
fn wait(peers: &WatchedPeers) {
    let mut seen = peers.seen();
    seen.failing = seen.failing.map(|since| since.checked_sub(REPLACEMENT).unwrap());
}

#[test]
fn a_new_list_is_in_force_at_the_first_look_after_its_signature() {
    let folder = Folder::new();
    folder.sign(&folder.write("broker-a"));
    let peers = folder.open();
    assert!(matches!(peers.look(NOW), Look::Same));
    let list = folder.write("broker-b");
    assert!(matches!(peers.look(NOW), Look::Same), "a replacement in progress is no fault");
    assert_eq!(peers.fault(), None);
    assert!(peers.load().broker("broker-a").is_some(), "the last good list stays");
    folder.sign(&list);
    assert!(matches!(peers.look(NOW), Look::Read(list) if list.broker("broker-b").is_some()));
    assert!(peers.load().broker("broker-a").is_none());
    assert!(matches!(peers.look(NOW), Look::Same));
}

#[test]
fn r24_a_list_that_stays_unsigned_is_a_fault_said_once_and_mended_by_a_signature() {
    let folder = Folder::new();
    folder.sign(&folder.write("broker-a"));
    let peers = folder.open();
    let list = folder.write("broker-b");
    assert!(matches!(peers.look(NOW), Look::Same));
    wait(&peers);
    assert!(matches!(peers.look(NOW), Look::Fault(PeerListError::Tampered)));
    assert!(matches!(peers.look(NOW), Look::Same), "no news");
    assert_eq!(peers.fault(), Some(PeerListError::Tampered));
    assert!(peers.load().broker("broker-a").is_some());
    folder.sign(&list);
    assert!(matches!(peers.look(NOW), Look::Read(_)));
    assert_eq!(peers.fault(), None);
}

#[test]
fn a_list_that_comes_to_its_end_is_a_fault_at_once() {
    let folder = Folder::new();
    folder.sign(&folder.write("broker-a"));
    let peers = folder.open();
    assert!(matches!(peers.look(NOW + 1000), Look::Same));
    assert!(matches!(peers.look(NOW + 1001), Look::Fault(PeerListError::Expired)));
    assert_eq!(peers.fault(), Some(PeerListError::Expired));
}
