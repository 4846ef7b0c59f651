//! The platform's register: operators and contractors of nodes, as the offline root signs them (R24).

use std::path::PathBuf;

use chukei_crypto::sign::SigningKey;
use chukei_domain::register::platform::{PLATFORM_PURPOSE, PlatformFile};
use chukei_relay_client::key_file;
use chukei_relay_client::signed::{sign, signature_path};

use super::{Pki, PkiError, files};

/// Writes register and signature. The signature goes last: a crash in between leaves a pair that is refused.
pub(super) fn write(pki: &Pki, text: &str) -> Result<PathBuf, PkiError> {
    PlatformFile::parse(text)?.check()?;
    let root = key_file::read(&pki.path("peer-root.key"))?;
    let root = SigningKey::from_pkcs8(&root).map_err(|_| PkiError::Key)?;
    let file = pki.path("platform.toml");
    files::replace_public(&file, text.as_bytes())?;
    let signature = sign(PLATFORM_PURPOSE, text.as_bytes(), &root);
    files::replace_public(&signature_path(&file), format!("{signature}\n").as_bytes())?;
    Ok(file)
}
