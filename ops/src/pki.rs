//! The folder from which a deployment gets its keys: hop certificates, long-lived identities, the peer list.
//!
//! Meant for development, tests and first trials. What must hold: a long-lived key is created once and never
//! overwritten but by a rotation, which keeps the old one; secrets are readable by their owner alone; every name is checked before it becomes a file.
//! Deliberately absent: any way to take a revocation back, and any way to print a secret.

mod certificate;
mod factors;
mod files;
mod founding;
mod hops;
mod identity;
mod ledger;
mod paths;
mod peers;
mod platform;
mod record;
mod revocation;
#[cfg(test)]
mod tests;

use std::fs::{self, File};
use std::net::IpAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use chukei_crypto::acquisition::AcquisitionKeyPair;
use chukei_crypto::binding::{FIRST_VERSION, VERSION_MAX};
use chukei_crypto::random;
use chukei_crypto::sign::SigningKey;
use chukei_domain::register::RegisterError;
use chukei_domain::register::platform::PlatformError;
use chukei_keys::{FileProvider, KeyProvider, Owner, ProviderError};
use chukei_relay_client::key_file::{self, KeyFileError};
use chukei_relay_client::peers::{BodyPeer, BrokerPeer, Hex, PortalPeer};
use chukei_wire::body_code::BodyCode;
use chukei_wire::identity::{Identity, is_name};
use zeroize::Zeroizing;

pub(crate) use files::create_secret_key;
use hops::own_stem;
pub use identity::{IdentityHolder, RotationPaths};
use ledger::Ledger;
pub use paths::{BodyPaths, BrokerPaths, HopPaths, PeersPaths, PortalPaths};
use record::{PeerRecord, record_path};
pub use revocation::Revoked;

/// Days a hop certificate is valid unless the caller says otherwise.
pub const HOP_DAYS: u32 = 90;
/// Days a peer list is valid unless the caller says otherwise.
pub const PEERS_DAYS: u32 = 365;
/// Days a contractor's certificate is valid unless the caller says otherwise (R4).
pub const MAINTENANCE_DAYS: u32 = 30;
/// Days a revocation list is valid unless the caller says otherwise.
pub const CRL_DAYS: u32 = 7;
/// Longest validity of a certificate or a list, days.
pub const DAYS_MAX: u32 = 825;

/// Longest name of a body, characters.
const BODY_NAME_MAX: usize = 100;

/// From when and for how long something is valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validity {
    /// Time of issue, Unix milliseconds.
    pub now_ms: u64,
    /// Days from then, 1 to [`DAYS_MAX`].
    pub days: u32,
}

impl Validity {
    /// The usual validity of a hop certificate.
    pub fn hop(now_ms: u64) -> Self {
        Self { now_ms, days: HOP_DAYS }
    }

    /// The usual validity of a peer list.
    pub fn peers(now_ms: u64) -> Self {
        Self { now_ms, days: PEERS_DAYS }
    }

    /// The usual validity of a revocation list.
    pub fn crl(now_ms: u64) -> Self {
        Self { now_ms, days: CRL_DAYS }
    }

    /// The end, Unix milliseconds.
    fn ends_ms(&self) -> Result<u64, PkiError> {
        let length_ms = u64::from(self.days) * 86_400_000;
        self.now_ms.checked_add(length_ms).ok_or(PkiError::Validity)
    }

    fn check(&self) -> Result<(), PkiError> {
        if (1..=DAYS_MAX).contains(&self.days) { Ok(()) } else { Err(PkiError::Validity) }
    }
}

/// Why nothing was issued. The texts name files, never what is in them.
#[derive(Debug, thiserror::Error)]
pub enum PkiError {
    /// The folder already holds an authority, or a key would have been overwritten.
    #[error("{0} exists and is not overwritten")]
    Exists(PathBuf),
    /// A name outside 1–64 of `a-z 0-9 . _ -`, or one that the folder uses for itself.
    #[error("not a usable name: 1 to 64 of a-z 0-9 . _ -, and none of the folder's own file names")]
    Name,
    /// A validity of no days or of too many.
    #[error("validity must be 1 to {DAYS_MAX} days")]
    Validity,
    /// A version that no code or binding secret can have.
    #[error("a version of person codes is 1 to 255, of binding secrets 1 to 127")]
    Version,
    /// A file of the folder is not what it should be.
    #[error("{0} is malformed")]
    Malformed(PathBuf),
    /// More public records than a list may have.
    #[error("more than {0} peers")]
    TooManyRecords(usize),
    /// More certificates than one folder has that are not over.
    #[error("more than {0} certificates")]
    TooManyCertificates(usize),
    /// No certificate was issued here under this name.
    #[error("nobody holds a certificate from here under this name")]
    NobodysName,
    /// The holder's former identity is still listed.
    #[error("a rotation of this identity is under way: retire the former one first")]
    Rotating,
    /// The holder has one identity only.
    #[error("no former identity is listed")]
    NothingToRetire,
    /// A founding document that no node would take.
    #[error("founding document: {0}")]
    Founding(#[from] RegisterError),
    /// A platform register that no node would take.
    #[error(transparent)]
    Platform(#[from] PlatformError),
    /// The certificate could not be made.
    #[error("certificate: {0}")]
    Certificate(#[from] rcgen::Error),
    /// A key could not be made or read.
    #[error("key operation failed")]
    Key,
    /// A key file was refused.
    #[error(transparent)]
    KeyFile(#[from] KeyFileError),
    /// A root could not be made.
    #[error("root: {0}")]
    Root(#[from] ProviderError),
    /// The file system refused.
    #[error("{path}: {source}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
}

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
        let (permit_key, permit_public) = self.permit_key(stem)?;
        let peer = BrokerPeer { name: name.to_owned(), acquisition_public, permit_public };
        PeerRecord::Broker(peer).write(&self.dir, stem)?;
        Ok(BrokerPaths {
            hop,
            acquisition_key,
            code_master: self.code_master(FIRST_VERSION)?,
            permit_key,
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

    fn create_signing_key(&self, stem: &str) -> Result<(), PkiError> {
        let pkcs8 = SigningKey::generate().map_err(|_| PkiError::Key)?;
        let public = SigningKey::from_pkcs8(&pkcs8).map_err(|_| PkiError::Key)?.public();
        files::create_secret_key(&self.path(&format!("{stem}.key")), &pkcs8)?;
        files::create_public_key(&self.path(&format!("{stem}.pub")), &public)
    }

    fn acquisition_key(&self, stem: &str) -> Result<(PathBuf, Hex), PkiError> {
        let path = self.path(&format!("{stem}.acquisition.key"));
        if !path.exists() {
            let pair = AcquisitionKeyPair::generate().map_err(|_| PkiError::Key)?;
            files::create_secret_key(&path, &*pair.to_bytes())?;
        }
        let pair = AcquisitionKeyPair::from_bytes(&key_file::read(&path)?).map_err(|_| PkiError::Key)?;
        Ok((path, Hex(pair.public())))
    }

    /// The newest root of `owner`; one is made only where there is none, so that a rotated one does not come back.
    fn root_key(&self, owner: &str) -> Result<PathBuf, PkiError> {
        let owner: Owner = owner.parse().map_err(|_| PkiError::Name)?;
        let folder = self.path("roots");
        files::ensure_folder(&folder)?;
        // Epochs are made by whoever runs under the root, and elsewhere.
        let provider = FileProvider::new(&folder, &folder);
        if provider.roots(&owner)?.is_empty() {
            provider.make_root(&owner, 1)?;
        }
        let newest = provider.roots(&owner)?.last().copied().unwrap_or(1);
        Ok(provider.root_path(&owner, newest))
    }

    fn permit_key(&self, stem: &str) -> Result<(PathBuf, Hex), PkiError> {
        let path = self.path(&format!("{stem}.permit.key"));
        if !path.exists() {
            files::create_secret_key(&path, &SigningKey::generate().map_err(|_| PkiError::Key)?)?;
        }
        let key = SigningKey::from_pkcs8(&key_file::read(&path)?).map_err(|_| PkiError::Key)?;
        Ok((path, Hex(key.public().to_vec())))
    }

    fn random_key_file(&self, name: &str) -> Result<PathBuf, PkiError> {
        let path = self.path(name);
        if !path.exists() {
            files::create_secret_key(&path, &*random_key()?)?;
        }
        Ok(path)
    }
}

fn random_key() -> Result<Zeroizing<[u8; 32]>, PkiError> {
    random::bytes::<32>().map(Zeroizing::new).map_err(|_| PkiError::Key)
}
