//! Certificates, keys and the signed peer list of one test, in its own folder.

use std::fs;
use std::path::{Path, PathBuf};

use chukei_crypto::acquisition::{AcquisitionKeyPair, IssueRequest, issue, split};
use chukei_crypto::sign::{IdentityKey, SigningKey};
use chukei_relay_client::key_file;
use chukei_relay_client::peers::{
    BodyPeer, BrokerPeer, Hex, Identities, PEERS_PURPOSE, PeerListFile, PortalPeer, signature_path,
};
use chukei_relay_client::signed::sign;
use rcgen::{BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, SanType};
use serde_bytes::ByteBuf;

pub(crate) const BODIES: [&str; 2] = ["982016", "982024"];

/// What person codes of version 1 are made of.
pub(crate) const FIRST_MASTER: [u8; 32] = [7; 32];
/// The same of version 2, which a broker has where its configuration says so.
pub(crate) const SECOND_MASTER: [u8; 32] = [8; 32];

pub(crate) struct Keys {
    dir: PathBuf,
    issuer: Issuer<'static, KeyPair>,
    pub(crate) bodies: Vec<IdentityKey>,
    acquisition_public: Vec<u8>,
    pub(crate) permit_public: [u8; 32],
    pub(crate) witness_public: [u8; 32],
    registry: SigningKey,
    root: SigningKey,
    /// Brokers of the list besides `broker-a`.
    others: Vec<BrokerPeer>,
}

impl Keys {
    /// Makes everything that a broker needs in `dir`.
    pub(crate) fn make(dir: &Path) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        fs::write(dir.join("ca.pem"), params.self_signed(&key).unwrap().pem()).unwrap();
        let acquisition = AcquisitionKeyPair::generate().unwrap();
        fs::write(dir.join("acquisition.key"), &*key_file::text(&acquisition.to_bytes()[..])).unwrap();
        for (name, secret) in [("code-master.key", FIRST_MASTER), ("code-master-2.key", SECOND_MASTER)] {
            fs::write(dir.join(name), &*key_file::text(&secret)).unwrap();
        }
        let own = |name: &str| {
            let key = SigningKey::generate().unwrap();
            fs::write(dir.join(name), &*key_file::text(&key)).unwrap();
            SigningKey::from_pkcs8(&key).unwrap().public()
        };
        let keys = Self {
            dir: dir.to_owned(),
            issuer: Issuer::new(params, key),
            bodies: BODIES.map(|_| identity()).into(),
            acquisition_public: acquisition.public(),
            permit_public: own("permit.key"),
            witness_public: own("witness.key"),
            registry: signing_key(),
            root: signing_key(),
            others: Vec::new(),
        };
        fs::write(dir.join("peer-root.pub"), &*key_file::text(&keys.root.public())).unwrap();
        keys.write_peers(&["mynaportal", "another"]);
        keys.certificate("chukei://broker/broker-a");
        keys
    }

    /// Another broker, with its keys, its certificate and its place in the list.
    pub(crate) fn add_broker(&mut self, name: &str) {
        let own = |what: &str| {
            let key = SigningKey::generate().unwrap();
            fs::write(self.dir.join(format!("{name}.{what}.key")), &*key_file::text(&key)).unwrap();
            Hex(SigningKey::from_pkcs8(&key).unwrap().public().to_vec())
        };
        let (permit_public, witness_public) = (own("permit"), own("witness"));
        let acquisition_public = Hex(self.acquisition_public.clone());
        let name = name.to_owned();
        self.certificate(&format!("chukei://broker/{name}"));
        self.others.push(BrokerPeer { name, acquisition_public, permit_public, witness_public });
        self.write_peers(&["mynaportal", "another"]);
    }

    /// Writes a certificate and its key; their paths.
    pub(crate) fn certificate(&self, uri: &str) -> (PathBuf, PathBuf) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.subject_alt_names = vec![SanType::URI(uri.try_into().unwrap())];
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let name = uri.trim_start_matches("chukei://").replace('/', "-");
        let paths = (self.dir.join(format!("{name}.pem")), self.dir.join(format!("{name}.key")));
        fs::write(&paths.0, certificate.pem()).unwrap();
        fs::write(&paths.1, key.serialize_pem()).unwrap();
        paths
    }

    /// The broker's part of an acquisition number of `person` for `party`.
    pub(crate) fn broker_part(&self, party: &str, person: u64) -> ByteBuf {
        let request = IssueRequest {
            party,
            person,
            part: None,
            not_after_ms: u64::MAX,
            broker_public: &self.acquisition_public,
            party_public: None,
            registry: &self.registry,
        };
        ByteBuf::from(split(&issue(&request).unwrap()).unwrap().broker_part.to_vec())
    }

    /// Writes the signed list with these portals.
    pub(crate) fn write_peers(&self, portals: &[&str]) {
        let own = |key: &IdentityKey| Identities::one(key.public_spki());
        self.write_list(portals, self.bodies.iter().map(own).collect());
    }

    /// The same after a rotation of every body's identity; where they are retired, without those of [`Keys::bodies`].
    pub(crate) fn write_rotated(&self, portals: &[&str], newer: &[IdentityKey], retired: bool) {
        let both = |(old, new): (&IdentityKey, &IdentityKey)| {
            let keys = [new, old].map(|key| Hex(key.public_spki()));
            if retired { Identities::one(new.public_spki()) } else { keys.to_vec().try_into().unwrap() }
        };
        self.write_list(portals, self.bodies.iter().zip(newer).map(both).collect());
    }

    fn write_list(&self, portals: &[&str], identities: Vec<Identities>) {
        let body = |(code, identities): (&&str, Identities)| BodyPeer {
            code: code.parse().unwrap(),
            name: (*code).to_owned(),
            identities,
            acquisition_public: Hex(vec![4; 65]),
        };
        let portal = |name: &str| PortalPeer {
            name: name.to_owned(),
            identities: Identities::one(identity().public_spki()),
        };
        let broker = BrokerPeer {
            name: "broker-a".into(),
            acquisition_public: Hex(self.acquisition_public.clone()),
            permit_public: Hex(self.permit_public.to_vec()),
            witness_public: Hex(self.witness_public.to_vec()),
        };
        let list = PeerListFile {
            version: 1,
            issued_ms: 0,
            not_after_ms: u64::MAX,
            bodies: BODIES.iter().zip(identities).map(body).collect(),
            portals: portals.iter().map(|name| portal(name)).collect(),
            brokers: std::iter::once(broker).chain(self.others.iter().cloned()).collect(),
            registry: Hex(self.registry.public().to_vec()),
        };
        let json = list.to_json().unwrap();
        let path = self.dir.join("peers.json");
        fs::write(signature_path(&path), sign(PEERS_PURPOSE, &json, &self.root)).unwrap();
        fs::write(path, json).unwrap();
    }
}

pub(crate) fn identity() -> IdentityKey {
    IdentityKey::from_pkcs8(&IdentityKey::generate_pkcs8().unwrap()).unwrap()
}

fn signing_key() -> SigningKey {
    SigningKey::from_pkcs8(&SigningKey::generate().unwrap()).unwrap()
}
