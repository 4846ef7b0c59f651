//! Identities of bodies and portals: made once, replaced by a rotation, retired after it.
//!
//! A rotation puts a new key in the place of the old one, keeps that beside it, and has the peer list name both;
//! retiring takes the old one off the list, and then away. What must hold: no step loses the only copy of a key
//! that the list names; a step that a crash has cut short is taken again by the same command.

use std::fs;
use std::path::{Path, PathBuf};

use chukei_crypto::sign::IdentityKey;
use chukei_relay_client::identity_keys::former_path;
use chukei_relay_client::key_file;
use chukei_relay_client::peers::{Hex, Identities};
use chukei_wire::body_code::BodyCode;

use super::record::{PeerRecord, record_path};
use super::{PeersPaths, Pki, PkiError, Validity, files};

/// Who has an identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IdentityHolder {
    /// A body.
    Body(BodyCode),
    /// The portal instance of this name.
    Portal(String),
}

/// Files of a rotation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RotationPaths {
    /// The new identity key, in the place of the old one.
    pub identity_key: PathBuf,
    /// The old one, until it is retired.
    pub former_key: PathBuf,
    /// The list that names both.
    pub peers: PeersPaths,
}

impl IdentityHolder {
    fn stem(&self) -> String {
        match self {
            Self::Body(code) => format!("body-{code}"),
            Self::Portal(name) => format!("portal-{name}"),
        }
    }
}

impl Pki {
    /// Makes a new identity key for `holder` and signs a peer list that names it beside the old one. Refused while
    /// a rotation is under way: what is not retired yet would be lost.
    pub fn rotate_identity(&self, holder: &IdentityHolder, v: Validity) -> Result<RotationPaths, PkiError> {
        let (stem, record, listed) = self.holder(holder)?;
        if listed.older().is_some() {
            return Err(PkiError::Rotating);
        }
        let identity_key = self.identity_path(&stem);
        let former_key = former_path(&identity_key);
        if read(&identity_key)?.spki() == listed.newest() {
            let old = key_file::read(&identity_key)?;
            files::replace_secret(&former_key, key_file::text(&old).as_bytes())?;
            let new = IdentityKey::generate_pkcs8().map_err(|_| PkiError::Key)?;
            files::replace_secret(&identity_key, key_file::text(&new).as_bytes())?;
        }
        let new = Hex(read(&identity_key)?.public_spki());
        let both = Identities::try_from(vec![new, Hex(listed.newest().to_vec())]);
        record.with_identities(both.map_err(|_| PkiError::Key)?)?.write(self.dir(), &stem)?;
        Ok(RotationPaths { identity_key, former_key, peers: self.write_peers(v)? })
    }

    /// Signs a peer list that no longer names the old identity of `holder`, and destroys its key. Whatever stands
    /// on it ends within a second of the list's arrival. Refused if there is none.
    pub fn retire_identity(&self, holder: &IdentityHolder, v: Validity) -> Result<PeersPaths, PkiError> {
        let (stem, record, listed) = self.holder(holder)?;
        let former_key = former_path(&self.identity_path(&stem));
        // The list goes before the key: a former key without an older identity is a retirement cut short.
        if listed.older().is_none() && !former_key.exists() {
            return Err(PkiError::NothingToRetire);
        }
        let newest = Identities::one(listed.newest().to_vec());
        record.with_identities(newest)?.write(self.dir(), &stem)?;
        let peers = self.write_peers(v)?;
        match fs::remove_file(&former_key) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(files::io(&former_key, error)),
            _ => Ok(peers),
        }
    }

    /// The holder's identity key, made the first time, and the identities its record has or shall have.
    pub(super) fn identity_key(&self, stem: &str) -> Result<(PathBuf, Identities), PkiError> {
        let path = self.identity_path(stem);
        if !path.exists() {
            files::create_secret_key(&path, &IdentityKey::generate_pkcs8().map_err(|_| PkiError::Key)?)?;
        }
        if record_path(self.dir(), stem).exists() {
            return Ok((path, PeerRecord::read(self.dir(), stem)?.identities()?.clone()));
        }
        let identities = Identities::one(read(&path)?.public_spki());
        Ok((path, identities))
    }

    fn identity_path(&self, stem: &str) -> PathBuf {
        self.path(&format!("{stem}.identity.key"))
    }

    fn holder(&self, holder: &IdentityHolder) -> Result<(String, PeerRecord, Identities), PkiError> {
        let stem = holder.stem();
        if let IdentityHolder::Portal(name) = holder
            && format!("chukei://portal/{name}").parse::<chukei_wire::identity::Identity>().is_err()
        {
            return Err(PkiError::Name);
        }
        let record = PeerRecord::read(self.dir(), &stem)?;
        let listed = record.identities()?.clone();
        Ok((stem, record, listed))
    }
}

fn read(path: &Path) -> Result<IdentityKey, PkiError> {
    IdentityKey::from_pkcs8(&key_file::read(path)?).map_err(|_| PkiError::Key)
}

#[cfg(test)]
mod tests;
