//! Keys of factors beside a person's certificate, for people who are given theirs.

use std::path::PathBuf;

use chukei_crypto::sign::SigningKey;
use chukei_wire::body_code::BodyCode;
use chukei_wire::identity::is_name;

use super::{Pki, PkiError, files};

/// Creates the key of a factor; one that exists is never overwritten.
pub(super) fn issue(
    pki: &Pki,
    body: Option<BodyCode>,
    holder: &str,
    factor: &str,
) -> Result<PathBuf, PkiError> {
    if !is_name(holder) || !is_name(factor) {
        return Err(PkiError::Name);
    }
    let of = body.map_or_else(|| "platform".to_owned(), |body| body.to_string());
    let path = pki.path(&format!("factor-{of}-{holder}-{factor}.key"));
    files::create_secret_key(&path, &SigningKey::generate().map_err(|_| PkiError::Key)?)?;
    Ok(path)
}
