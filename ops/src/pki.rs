//! The folder from which a deployment gets its keys: hop certificates, long-lived identities, the peer list.
//!
//! Meant for development, tests and first trials. What must hold: a long-lived key is created once and never overwritten
//! but by a rotation, which keeps the old one; secrets are readable by their owner alone; every name is checked before it
//! becomes a file.
//! Deliberately absent: any way to take a revocation back, and any way to print a secret.

mod certificate;
mod error;
mod factors;
mod files;
mod founding;
mod hops;
mod identity;
mod keys;
mod ledger;
mod paths;
mod peers;
mod platform;
mod record;
mod revocation;
mod signing;
#[cfg(test)]
mod tests;
mod validity;

use std::fs::{self, File};
use std::net::IpAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use chukei_crypto::binding::{FIRST_VERSION, VERSION_MAX};
use chukei_relay_client::key_file;
use chukei_relay_client::peers::{BodyPeer, BrokerPeer, PortalPeer};
use chukei_wire::body_code::BodyCode;
use chukei_wire::identity::{Identity, is_name};

pub use error::PkiError;
pub(crate) use files::create_secret_key;
use hops::own_stem;
pub use identity::{IdentityHolder, RotationPaths};
use ledger::Ledger;
pub use paths::{BodyPaths, BrokerPaths, HopPaths, PeersPaths, PortalPaths};
use record::{PeerRecord, record_path};
pub use revocation::Revoked;
pub use validity::{CRL_DAYS, DAYS_MAX, HOP_DAYS, MAINTENANCE_DAYS, PEERS_DAYS, Validity};

/// Longest name of a body, characters.
const BODY_NAME_MAX: usize = 100;

/// An opened folder. One process at a time: the folder is locked while this lives.
#[derive(Debug)]
pub struct Pki {
    dir: PathBuf,
    _lock: File,
}

impl Pki {
    /// Creates the authority, the offline root, the registry key and the secret behind person codes.
    pub fn init(dir: &Path, now_ms: u64) -> Result<Self, PkiError> {
        fs::create_dir_all(dir).map_err(|source| files::io(dir, source))?;
        fs::set_permissions(dir, fs::Permissions::from_mode(0o700))
            .map_err(|source| files::io(dir, source))?;
        let pki = Self::lock(dir)?;
        let authority = certificate::authority(now_ms)?;
        if pki.path("ca.pem").exists() {
            return Err(PkiError::Exists(pki.path("ca.pem")));
        }
        files::create_secret(&pki.path("ca.key"), &authority.key)?;
        pki.sign_crl(&authority, Ledger::read(&pki)?, Validity::crl(now_ms))?;
        pki.create_signing_key("peer-root")?;
        pki.create_signing_key("registry")?;
        pki.code_master(FIRST_VERSION)?;
        // Last, because its presence says that the folder is complete.
        files::replace_public(&pki.path("ca.pem"), authority.certificate.as_bytes())?;
        Ok(pki)
    }

    /// Opens a folder that [`Pki::init`] made.
    pub fn open(dir: &Path) -> Result<Self, PkiError> {
        files::read_text(&dir.join("ca.pem"))?;
        Self::lock(dir)
    }

    /// The folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Issues or renews a node's hop certificate.
    pub fn issue_node(&self, name: &str, addresses: &[IpAddr], v: Validity) -> Result<HopPaths, PkiError> {
        let stem = own_stem(name)?;
        if record_path(&self.dir, stem).exists() {
            return Err(PkiError::Name);
        }
        self.issue_hop(stem, &Identity::Node(name.to_owned()), addresses, v)
    }

    /// Issues or renews a broker's hop certificate; the brokers' acquisition key is made the first time.
    pub fn issue_broker(
        &self,
        name: &str,
        addresses: &[IpAddr],
        v: Validity,
    ) -> Result<BrokerPaths, PkiError> {
        let stem = own_stem(name)?;
        if self.path(&format!("{stem}.pem")).exists() && !record_path(&self.dir, stem).exists() {
            return Err(PkiError::Name);
        }
        let hop = self.issue_hop(stem, &Identity::Broker(name.to_owned()), addresses, v)?;
        // One for all: an acquisition number has one part for brokers, and any of them may be asked to open it.
        let (shared, acquisition_public) = self.acquisition_key("brokers")?;
        let acquisition_key = self.path(&format!("{stem}.acquisition.key"));
        if !acquisition_key.exists() {
            files::create_secret_key(&acquisition_key, &key_file::read(&shared)?)?;
        }
        let (permit_key, permit_public) = self.broker_key(stem, "permit")?;
        let (witness_key, witness_public) = self.broker_key(stem, "witness")?;
        let peer = BrokerPeer { name: name.to_owned(), acquisition_public, permit_public, witness_public };
        PeerRecord::Broker(peer).write(&self.dir, stem)?;
        Ok(BrokerPaths {
            hop,
            acquisition_key,
            code_master: self.code_master(FIRST_VERSION)?,
            permit_key,
            witness_key,
            root_key: self.root_key(name)?,
        })
    }

    /// Issues or renews a portal's hop certificate; its long-lived keys are made the first time.
    pub fn issue_portal(
        &self,
        name: &str,
        addresses: &[IpAddr],
        v: Validity,
    ) -> Result<PortalPaths, PkiError> {
        let stem = format!("portal-{name}");
        let hop = self.issue_hop(&stem, &Identity::Portal(name.to_owned()), addresses, v)?;
        let (identity_key, identities) = self.identity_key(&stem)?;
        let root_key = self.root_key(name)?;
        let binding_master = self.binding_master(name, FIRST_VERSION)?;
        PeerRecord::Portal(PortalPeer { name: name.to_owned(), identities }).write(&self.dir, &stem)?;
        let registry_key = self.path("registry.key");
        Ok(PortalPaths { hop, identity_key, root_key, binding_master, registry_key })
    }

    /// Makes a body's long-lived keys the first time, and its public record under `name` every time.
    pub fn issue_body(&self, body: BodyCode, name: &str) -> Result<BodyPaths, PkiError> {
        if name.is_empty() || name.chars().count() > BODY_NAME_MAX || name.chars().any(char::is_control) {
            return Err(PkiError::Name);
        }
        let stem = format!("body-{body}");
        let (identity_key, identities) = self.identity_key(&stem)?;
        let (acquisition_key, acquisition_public) = self.acquisition_key(&stem)?;
        let root_key = self.root_key(body.as_str())?;
        let peer = BodyPeer { code: body, name: name.to_owned(), identities, acquisition_public };
        PeerRecord::Body(peer).write(&self.dir, &stem)?;
        Ok(BodyPaths { identity_key, acquisition_key, root_key })
    }

    /// Makes the secret behind person codes of this version, from 1, the first time; where it is.
    pub fn code_master(&self, version: u8) -> Result<PathBuf, PkiError> {
        if version < FIRST_VERSION {
            return Err(PkiError::Version);
        }
        self.random_key_file(&format!("code-master-{version}.key"))
    }

    /// Makes the secret behind a portal's binding secrets of this version, from 1 to 127, the first time; where it
    /// is.
    pub fn binding_master(&self, portal: &str, version: u8) -> Result<PathBuf, PkiError> {
        if !is_name(portal) {
            return Err(PkiError::Name);
        }
        if !(FIRST_VERSION..=VERSION_MAX).contains(&version) {
            return Err(PkiError::Version);
        }
        self.random_key_file(&format!("portal-{portal}.binding-{version}.key"))
    }

    /// Signs the text of the platform's register with the offline root, as it is; where it lies then, its signature
    /// beside it. What a node would refuse is refused here.
    pub fn write_platform(&self, text: &str) -> Result<PathBuf, PkiError> {
        platform::write(self, text)
    }

    /// Makes the key of a factor of this holder, of a body or of the platform; where it is.
    pub fn issue_factor(
        &self,
        body: Option<BodyCode>,
        holder: &str,
        factor: &str,
    ) -> Result<PathBuf, PkiError> {
        factors::issue(self, body, holder, factor)
    }

    /// Collects all public records into the peer list and signs it with the offline root.
    pub fn write_peers(&self, v: Validity) -> Result<PeersPaths, PkiError> {
        peers::write(self, v)
    }

    /// Signs the text of a founding document with the offline root, as it is; where it lies then, its signature beside
    /// it. What a node would refuse is refused here.
    pub fn write_founding(&self, body: BodyCode, text: &str, now_ms: u64) -> Result<PathBuf, PkiError> {
        founding::write(self, body, text, now_ms)
    }

    fn lock(dir: &Path) -> Result<Self, PkiError> {
        let path = dir.join("lock");
        let opened = File::options().create(true).truncate(false).write(true).open(&path);
        let lock = opened.map_err(|source| files::io(&path, source))?;
        lock.try_lock().map_err(|error| files::io(&path, error.into()))?;
        Ok(Self { dir: dir.to_owned(), _lock: lock })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }
}
