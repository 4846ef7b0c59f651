//! Devices beside their users: proven on this very connection, or none.

use std::fs;
use std::sync::Arc;

use chukei_relay_client::clock::Clock;
use chukei_relay_client::connection::PeerConnection;
use chukei_relay_client::endpoint::{ClientEndpoint, ServerEndpoint, ServerLimits};
use chukei_relay_client::tls::{
    BadCertificate, CredentialError, DeviceCredentials, DeviceRefusal, HopCredentials, Unfit,
};
use chukei_wire::message::control::DeviceProof;
use serde_bytes::ByteBuf;

use crate::authority::Authority;
use crate::stage::{NODE, admitted, dialling, identity, listen};

const STAFF: &str = "chukei://body/982016/staff/u-tax-07";
const DEVICE: &str = "chukei://body/982016/device/t-01";

struct Terminal {
    authority: Authority,
    clock: Clock,
    node: Arc<HopCredentials>,
    staff: Arc<HopCredentials>,
    server: ServerEndpoint,
    client: ClientEndpoint,
}

impl Terminal {
    fn set() -> Self {
        let authority = Authority::new();
        authority.revoke(1, &[], 2027);
        let (node, staff, clock) = (authority.followed(NODE), authority.issue(STAFF), authority.clock());
        let server = listen(&node, clock.clone(), ServerLimits::default());
        Self { clock, node, staff, server, client: dialling(), authority }
    }

    /// A connection at the terminal, and at the node.
    async fn connect(&self) -> (PeerConnection, PeerConnection) {
        let (address, expected) = (self.server.local_address().unwrap(), identity(NODE));
        let dial = self.client.connect(&self.staff, &self.clock, address, &expected);
        let (at_node, here) = tokio::join!(admitted(&self.server), dial);
        (here.unwrap(), at_node.unwrap())
    }

    fn device(&self, uri: &str) -> DeviceCredentials {
        let (certificate, key) = self.authority.write(&[uri]);
        DeviceCredentials::load(&certificate, &key).unwrap()
    }

    fn proof(&self, device: &str, here: &PeerConnection) -> DeviceProof {
        self.device(device).prove(here, self.staff.identity()).unwrap()
    }
}

#[tokio::test]
async fn a_device_is_known_by_its_own_key_once_on_a_connection() {
    let terminal = Terminal::set();
    let (here, at_node) = terminal.connect().await;
    assert_eq!(at_node.device(), None);
    let proof = terminal.proof(DEVICE, &here);
    assert_eq!(at_node.take_device(&proof), Ok(&identity(DEVICE)));
    assert_eq!(at_node.device(), Some(&identity(DEVICE)));
    assert_eq!(at_node.take_device(&proof), Err(DeviceRefusal::Second));
    let other = terminal.proof("chukei://body/982016/device/t-02", &here);
    assert_eq!(at_node.take_device(&other), Err(DeviceRefusal::Second));
    assert_eq!(at_node.device(), Some(&identity(DEVICE)));
}

#[tokio::test]
async fn what_proves_it_on_one_connection_proves_nothing_on_another() {
    let terminal = Terminal::set();
    let (here, at_node) = terminal.connect().await;
    let (_, at_node_too) = terminal.connect().await;
    let proof = terminal.proof(DEVICE, &here);
    assert_eq!(at_node_too.take_device(&proof), Err(DeviceRefusal::Signature));
    for changed in [
        DeviceProof { signature: proof.signature[1..].to_vec(), ..proof.clone() },
        DeviceProof { scheme: 0x0804, ..proof.clone() },
        // Another user of the same terminal.
        terminal.device(DEVICE).prove(&here, &identity("chukei://body/982016/staff/u-care-03")).unwrap(),
        DeviceProof {
            chain: terminal.proof("chukei://body/982016/device/t-02", &here).chain,
            ..proof.clone()
        },
    ] {
        assert_eq!(at_node.take_device(&changed), Err(DeviceRefusal::Signature));
    }
    assert_eq!(at_node.device(), None);
}

#[tokio::test]
async fn only_a_device_of_the_users_own_body_under_the_authority_counts() {
    let terminal = Terminal::set();
    let (here, at_node) = terminal.connect().await;
    for uri in ["chukei://body/982024/device/t-01", "chukei://platform/device/t-01"] {
        assert_eq!(
            at_node.take_device(&terminal.proof(uri, &here)),
            Err(DeviceRefusal::AnothersDevice),
            "{uri}"
        );
    }
    let elsewhere = Authority::new();
    let (certificate, key) = elsewhere.write(&[DEVICE]);
    let foreign = DeviceCredentials::load(&certificate, &key).unwrap();
    let foreign = foreign.prove(&here, terminal.staff.identity()).unwrap();
    assert_eq!(at_node.take_device(&foreign), Err(Unfit::Untrusted.into()));

    let proof = terminal.proof(DEVICE, &here);
    let malformed = |chain| Err(DeviceRefusal::Certificate(chain));
    let with = |chain: Vec<ByteBuf>| DeviceProof { chain, ..proof.clone() };
    let one = proof.chain[0].clone();
    assert_eq!(at_node.take_device(&with(vec![])), malformed(BadCertificate::Malformed));
    assert_eq!(at_node.take_device(&with(vec![one; 5])), malformed(BadCertificate::Malformed));
    let users = fs::read(terminal.authority.path("chukei---body-982016-staff-u-tax-07.pem")).unwrap();
    let users = rustls::pki_types::pem::PemObject::from_pem_slice(&users).unwrap();
    let users: rustls::pki_types::CertificateDer<'_> = users;
    let users = with(vec![ByteBuf::from(users.to_vec())]);
    assert_eq!(at_node.take_device(&users), malformed(BadCertificate::WrongKind));
    assert_eq!(at_node.device(), None);
}

#[tokio::test]
async fn r20_a_revoked_device_is_none_at_the_next_look_and_its_user_stays() {
    let terminal = Terminal::set();
    let (here, at_node) = terminal.connect().await;
    at_node.take_device(&terminal.proof(DEVICE, &here)).unwrap();
    terminal.authority.revoke(2, &[DEVICE], 2027);
    terminal.node.look(terminal.clock.now_ms());
    assert_eq!(at_node.device(), None);
    assert!(!at_node.is_closed());
    let (here, at_node) = terminal.connect().await;
    terminal.authority.write(&[DEVICE]);
    assert!(at_node.take_device(&terminal.proof(DEVICE, &here)).is_ok(), "a new certificate is another");
}

#[test]
fn a_device_has_a_device_s_certificate() {
    let authority = Authority::new();
    let (certificate, key) = authority.write(&[STAFF]);
    let refused = DeviceCredentials::load(&certificate, &key).unwrap_err();
    assert_eq!(refused, CredentialError::Identity(BadCertificate::WrongKind));
}
