//! How a role is configured: one TOML file, overridden by the environment, unknown keys refused by name.
//!
//! Environment names are `CHUKEI__SECTION__KEY`; the doubled underscore keeps them apart from the
//! `<SERVICE>_PORT` names that Kubernetes injects. Values are never guessed into numbers, so that the body code
//! 010006 keeps its zero. Secrets are file paths, never values.

use std::path::{Path, PathBuf};

use config::{Config, Environment, File, FileFormat};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::tls::TlsFiles;

/// Why a configuration was refused.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The file cannot be read or is not TOML, or an override does not fit.
    #[error("{path}: {message}")]
    Read {
        /// The configuration file.
        path: PathBuf,
        /// What the reader said.
        message: String,
    },
    /// A key has the wrong type or is missing.
    #[error("{path}: at `{key}`: {message}")]
    Value {
        /// The configuration file.
        path: PathBuf,
        /// Path of the key.
        key: String,
        /// What is wrong with it.
        message: String,
    },
    /// Keys that mean nothing here.
    #[error("{path}: unknown keys: {}", keys.join(", "))]
    UnknownKeys {
        /// The configuration file.
        path: PathBuf,
        /// The keys.
        keys: Vec<String>,
    },
}

/// Loads `path` with overrides from the environment.
pub fn load<T: DeserializeOwned>(path: &Path) -> Result<T, SettingsError> {
    let read =
        |error: config::ConfigError| SettingsError::Read { path: path.into(), message: error.to_string() };
    let layers = Config::builder()
        .add_source(File::from(path).format(FileFormat::Toml))
        .add_source(Environment::with_prefix("CHUKEI").prefix_separator("__").separator("__"))
        .build()
        .map_err(read)?;
    let mut unknown = Vec::new();
    let mut track = serde_path_to_error::Track::new();
    let tracked = serde_path_to_error::Deserializer::new(layers, &mut track);
    let value = serde_ignored::deserialize(tracked, |key| unknown.push(key.to_string()));
    let value = value.map_err(|error: config::ConfigError| SettingsError::Value {
        path: path.into(),
        key: track.path().to_string(),
        message: error.to_string(),
    })?;
    if unknown.is_empty() {
        Ok(value)
    } else {
        Err(SettingsError::UnknownKeys { path: path.into(), keys: unknown })
    }
}

/// The folder that relative paths of a configuration file are relative to.
pub fn base_of(config: &Path) -> PathBuf {
    config.parent().map(Path::to_path_buf).unwrap_or_default()
}

/// A role's certificate for its hops.
#[derive(Clone, Debug, Deserialize)]
pub struct TlsSettings {
    /// PEM certificate chain, leaf first.
    pub certificate: PathBuf,
    /// PEM private key.
    pub key: PathBuf,
    /// PEM certificates of the authority.
    pub authority: PathBuf,
    /// The authority's revocation lists. Once named, a list that is missing or over lets nobody in.
    #[serde(default)]
    pub crl: Option<PathBuf>,
}

impl TlsSettings {
    /// The files, each absolute or relative to `base`.
    pub fn files(&self, base: &Path) -> TlsFiles {
        TlsFiles {
            certificate: base.join(&self.certificate),
            key: base.join(&self.key),
            authority: base.join(&self.authority),
            crl: self.crl.as_ref().map(|crl| base.join(crl)),
        }
    }
}

/// What a terminal proves itself with.
#[derive(Clone, Debug, Deserialize)]
pub struct DeviceSettings {
    /// PEM certificate chain of the device, leaf first.
    pub certificate: PathBuf,
    /// PEM private key of the device.
    pub key: PathBuf,
}

/// The signed list of peers.
#[derive(Clone, Debug, Deserialize)]
pub struct PeersSettings {
    /// `peers.json`; its signature stands beside it as `peers.json.sig`.
    pub file: PathBuf,
    /// Public key of the offline root that signs the list.
    pub root: PathBuf,
}

/// A peer to dial.
#[derive(Clone, Debug, Deserialize)]
pub struct PeerAddress {
    /// The peer's name, which its certificate must carry.
    pub name: String,
    /// Address and UDP port.
    pub address: std::net::SocketAddr,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    struct Sample {
        code: String,
        inner: Inner,
    }

    #[derive(Debug, Deserialize)]
    struct Inner {
        count: u32,
    }

    fn load_text(text: &str) -> Result<Sample, SettingsError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("role.toml");
        std::fs::write(&path, text).unwrap();
        load(&path)
    }

    #[test]
    fn keeps_leading_zeros_of_body_codes() {
        let sample = load_text("code = \"010006\"\n[inner]\ncount = 3\n").unwrap();
        assert_eq!((sample.code.as_str(), sample.inner.count), ("010006", 3));
    }

    #[test]
    fn refuses_unknown_keys_by_name() {
        let error = load_text("code = \"1\"\n[inner]\ncount = 3\ncuont = 4\n").unwrap_err();
        assert!(error.to_string().contains("inner.cuont"), "{error}");
    }

    #[test]
    fn names_the_key_of_a_wrong_value() {
        let error = load_text("code = \"1\"\n[inner]\ncount = \"many\"\n").unwrap_err();
        assert!(error.to_string().contains("count"), "{error}");
    }
}
