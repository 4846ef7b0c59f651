//! Where a body's identity keys are: a file, or a hardware token that they never leave.

use std::path::{Path, PathBuf};

use chukei_keys::pkcs11::{Pkcs11Settings, TokenIdentityError, identity_keys};
use chukei_keys::{KeySettings, KeySettingsError, ProviderError};
use chukei_relay_client::identity_keys::IdentityKeys;

use crate::key_gate::{Cause, Fault};

/// What stands before a token's label in a configuration.
const TOKEN: &str = "pkcs11:";
/// Longest label of a key, bytes.
const LABEL_MAX: usize = 64;

/// The place that a configuration names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IdentityPlace {
    /// A key file; the former one may lie beside it.
    File(PathBuf),
    /// Keys of one label in a token.
    Token {
        /// The token.
        token: Pkcs11Settings,
        /// The label.
        label: String,
    },
}

/// A place that cannot be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IdentityPlaceError {
    /// Not a label.
    #[error("pkcs11: is followed by a label, 1 to 64 of A-Z a-z 0-9 . _ / -")]
    Label,
    /// The token is not described.
    #[error(transparent)]
    Token(#[from] KeySettingsError),
}

impl IdentityPlace {
    /// The place that `named` stands for: `pkcs11:<label>` in the token of `keys`, or a path that starts at `base`.
    pub fn of(named: &Path, keys: &KeySettings, base: &Path) -> Result<Self, IdentityPlaceError> {
        let Some(label) = named.to_str().and_then(|named| named.strip_prefix(TOKEN)) else {
            return Ok(Self::File(base.join(named)));
        };
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._/-".contains(&byte);
        if !(1..=LABEL_MAX).contains(&label.len()) || !label.bytes().all(allowed) {
            return Err(IdentityPlaceError::Label);
        }
        Ok(Self::Token { token: keys.hardware(base)?, label: label.to_owned() })
    }

    /// The keys there. Blocks on the file or the token.
    pub fn open(&self) -> Result<IdentityKeys, Fault> {
        match self {
            Self::File(path) => IdentityKeys::open(path.clone())
                .map_err(|error| Fault::new(Cause::Files, format!("identity key: {error}"))),
            Self::Token { token, label } => in_token(token, label),
        }
    }
}

fn in_token(token: &Pkcs11Settings, label: &str) -> Result<IdentityKeys, Fault> {
    let keys = identity_keys(token, label).map_err(|error| {
        let cause = match error {
            TokenIdentityError::Provider(ProviderError::Missing) => Cause::Missing,
            TokenIdentityError::Provider(ProviderError::Integrity) => Cause::Damaged,
            TokenIdentityError::TooMany => Cause::Files,
            _ => Cause::Provider,
        };
        Fault::new(cause, format!("identity key {label} in the token: {error}"))
    })?;
    IdentityKeys::kept_elsewhere(label, keys).ok_or_else(|| Fault::new(Cause::Missing, "no identity key"))
}

#[cfg(test)]
mod tests {
    use chukei_keys::ProviderKind;

    use super::*;

    fn keys(pin_file: Option<&str>) -> KeySettings {
        KeySettings {
            provider: ProviderKind::File,
            roots: Some("roots".into()),
            epochs: Some("epochs".into()),
            standby: None,
            module: Some("/d.so".into()),
            token: Some("chukei".into()),
            pin_file: pin_file.map(Into::into),
            sessions: None,
            epochs_kept: 7,
        }
    }

    #[test]
    fn a_label_names_keys_in_the_token_and_everything_else_is_a_path() {
        let place =
            |named: &str| IdentityPlace::of(Path::new(named), &keys(Some("pin")), Path::new("/etc/chukei"));
        assert_eq!(place("pki/a.key"), Ok(IdentityPlace::File("/etc/chukei/pki/a.key".into())));
        let Ok(IdentityPlace::Token { token, label }) = place("pkcs11:chukei/982016/identity") else {
            panic!()
        };
        assert_eq!(
            (label.as_str(), token.pin_file.to_str()),
            ("chukei/982016/identity", Some("/etc/chukei/pin"))
        );
        for label in ["pkcs11:", "pkcs11:a b", "pkcs11:海鳴", &format!("pkcs11:{}", "a".repeat(65))] {
            assert_eq!(place(label), Err(IdentityPlaceError::Label));
        }
        let undescribed = IdentityPlace::of(Path::new("pkcs11:a"), &keys(None), Path::new("/"));
        assert_eq!(undescribed, Err(IdentityPlaceError::Token(KeySettingsError::Token)));
    }

    #[test]
    fn a_token_that_is_not_there_is_the_providers_fault() {
        let place = IdentityPlace::of(Path::new("pkcs11:a"), &keys(Some("pin")), Path::new("/")).unwrap();
        assert_eq!(place.open().unwrap_err().cause, Cause::Provider);
        let file = IdentityPlace::File("/nowhere".into());
        assert_eq!(file.open().unwrap_err().cause, Cause::Files);
    }
}
