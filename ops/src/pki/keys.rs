//! Long-lived keys of the folder: each is made the first time it is asked for, and read back afterwards.

use std::path::PathBuf;

use chukei_crypto::acquisition::AcquisitionKeyPair;
use chukei_crypto::random;
use chukei_crypto::sign::SigningKey;
use chukei_keys::{FileProvider, KeyProvider, Owner};
use chukei_relay_client::key_file;
use chukei_relay_client::peers::Hex;
use zeroize::Zeroizing;

use super::{Pki, PkiError, files};

impl Pki {
    pub(super) fn create_signing_key(&self, stem: &str) -> Result<(), PkiError> {
        let pkcs8 = SigningKey::generate().map_err(|_| PkiError::Key)?;
        let public = SigningKey::from_pkcs8(&pkcs8).map_err(|_| PkiError::Key)?.public();
        files::create_secret_key(&self.path(&format!("{stem}.key")), &pkcs8)?;
        files::create_public_key(&self.path(&format!("{stem}.pub")), &public)
    }

    pub(super) fn acquisition_key(&self, stem: &str) -> Result<(PathBuf, Hex), PkiError> {
        let path = self.path(&format!("{stem}.acquisition.key"));
        if !path.exists() {
            let pair = AcquisitionKeyPair::generate().map_err(|_| PkiError::Key)?;
            files::create_secret_key(&path, &*pair.to_bytes())?;
        }
        let pair = AcquisitionKeyPair::from_bytes(&key_file::read(&path)?).map_err(|_| PkiError::Key)?;
        Ok((path, Hex(pair.public())))
    }

    /// The newest root of `owner`; one is made only where there is none, so that a rotated one does not come back.
    pub(super) fn root_key(&self, owner: &str) -> Result<PathBuf, PkiError> {
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

    /// The broker's Ed25519 key for `what`, and its public half.
    pub(super) fn broker_key(&self, stem: &str, what: &str) -> Result<(PathBuf, Hex), PkiError> {
        let path = self.path(&format!("{stem}.{what}.key"));
        if !path.exists() {
            files::create_secret_key(&path, &SigningKey::generate().map_err(|_| PkiError::Key)?)?;
        }
        let key = SigningKey::from_pkcs8(&key_file::read(&path)?).map_err(|_| PkiError::Key)?;
        Ok((path, Hex(key.public().to_vec())))
    }

    pub(super) fn random_key_file(&self, name: &str) -> Result<PathBuf, PkiError> {
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
