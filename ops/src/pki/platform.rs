//! The platform's register: operators and contractors of nodes, as the offline root signs them (R24).

use std::path::PathBuf;

use chukei_domain::register::platform::{PLATFORM_PURPOSE, PlatformFile};

use super::{Pki, PkiError, signing};

/// Writes register and signature.
pub(super) fn write(pki: &Pki, text: &str) -> Result<PathBuf, PkiError> {
    PlatformFile::parse(text)?.check()?;
    signing::write(pki, "platform.toml", PLATFORM_PURPOSE, text.as_bytes())
}
