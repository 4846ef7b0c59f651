//! Founding documents: who a body knows at first, as its people decided and the offline root has signed (R24).

use std::path::PathBuf;

use chukei_domain::day::day_of;
use chukei_domain::register::{FOUNDING_PURPOSE, RegisterError, RegisterFile, Why, has_administrator};
use chukei_wire::body_code::BodyCode;

use super::{Pki, PkiError, signing};

/// Writes document and signature.
pub(super) fn write(pki: &Pki, body: BodyCode, text: &str, now_ms: u64) -> Result<PathBuf, PkiError> {
    check(body, text, now_ms)?;
    signing::write(pki, &format!("founding-{body}.toml"), FOUNDING_PURPOSE, text.as_bytes())
}

fn check(body: BodyCode, text: &str, now_ms: u64) -> Result<(), RegisterError> {
    let file = RegisterFile::parse(text)?;
    if file.body.as_str() != body.as_str() {
        return Err(RegisterError::whole(Why::OtherBody));
    }
    let known = has_administrator(&file.check()?, day_of(now_ms));
    if known { Ok(()) } else { Err(RegisterError::whole(Why::NoAdministrator)) }
}
