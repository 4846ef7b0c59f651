//! Files that the offline root signs (R24): the bytes as they are, and the signature beside them.

use std::path::PathBuf;

use chukei_crypto::sign::SigningKey;
use chukei_relay_client::key_file;
use chukei_relay_client::signed::{sign, signature_path};

use super::{Pki, PkiError, files};

/// Writes the file of this name and its signature for `purpose`; where the file lies. The signature goes last: a crash in
/// between leaves a pair that is refused, never one that is believed.
pub(super) fn write(pki: &Pki, name: &str, purpose: &[u8], bytes: &[u8]) -> Result<PathBuf, PkiError> {
    let root = key_file::read(&pki.path("peer-root.key"))?;
    let root = SigningKey::from_pkcs8(&root).map_err(|_| PkiError::Key)?;
    let file = pki.path(name);
    files::replace_public(&file, bytes)?;
    let signature = sign(purpose, bytes, &root);
    files::replace_public(&signature_path(&file), format!("{signature}\n").as_bytes())?;
    Ok(file)
}
