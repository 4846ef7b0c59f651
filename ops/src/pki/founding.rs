//! Founding documents: who a body knows at first, as its people decided and the offline root has signed (R24).

use std::path::PathBuf;

use chukei_crypto::sign::SigningKey;
use chukei_domain::day::day_of;
use chukei_domain::register::{FOUNDING_PURPOSE, RegisterError, RegisterFile, Why, has_administrator};
use chukei_relay_client::key_file;
use chukei_relay_client::signed::{sign, signature_path};
use chukei_wire::body_code::BodyCode;

use super::{Pki, PkiError, files};

/// Writes document and signature. The signature goes last: a crash in between leaves a pair that is refused.
pub(super) fn write(pki: &Pki, body: BodyCode, text: &str, now_ms: u64) -> Result<PathBuf, PkiError> {
    check(body, text, now_ms)?;
    let root = key_file::read(&pki.path("peer-root.key"))?;
    let root = SigningKey::from_pkcs8(&root).map_err(|_| PkiError::Key)?;
    let file = pki.path(&format!("founding-{body}.toml"));
    files::replace_public(&file, text.as_bytes())?;
    let signature = sign(FOUNDING_PURPOSE, text.as_bytes(), &root);
    files::replace_public(&signature_path(&file), format!("{signature}\n").as_bytes())?;
    Ok(file)
}

fn check(body: BodyCode, text: &str, now_ms: u64) -> Result<(), RegisterError> {
    let file = RegisterFile::parse(text)?;
    if file.body.as_str() != body.as_str() {
        return Err(RegisterError::whole(Why::OtherBody));
    }
    let known = has_administrator(&file.check()?, day_of(now_ms));
    if known { Ok(()) } else { Err(RegisterError::whole(Why::NoAdministrator)) }
}
