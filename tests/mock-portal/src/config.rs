//! The portal's configuration file: TOML, overridden by environment variables such as
//! `CHUKEI__LISTEN__METRICS`. Unknown keys are refused by name; relative paths are relative to the file.
//!
//! Secrets never stand here: they are named by path.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use chukei_crypto::binding::{FIRST_VERSION, VERSION_MAX};
use chukei_keys::process::ProcessSettings;
use chukei_keys::{KeySettings, KeySettingsError, Owner};
use chukei_relay_client::settings::{self, PeerAddress, PeersSettings, SettingsError, TlsSettings};
use serde::Deserialize;

/// Everything `portal.toml` says.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Settings {
    /// Name of this portal instance, as its certificate and the peer list have it.
    pub(crate) name: String,
    /// Development: loopback addresses only, and the clock file is allowed.
    #[serde(default)]
    pub(crate) development: bool,
    /// Folder of the portal's store.
    pub(crate) data_dir: PathBuf,
    /// Development only: the file that shifts the clock.
    pub(crate) clock_file: Option<PathBuf>,
    /// Unix socket of the one-shot commands, created with mode 0600.
    pub(crate) socket: PathBuf,
    /// Listening addresses.
    pub(crate) listen: Listen,
    /// Hop certificate, its key and the authority.
    pub(crate) tls: TlsSettings,
    /// The signed peer list.
    pub(crate) peers: PeersSettings,
    /// Where the portal's own roots and epochs are kept, under its name.
    pub(crate) keys: KeySettings,
    /// Private key of the portal's channel identity.
    pub(crate) identity_key: PathBuf,
    /// Signing key of the resident registry, which this portal plays.
    pub(crate) registry_key: PathBuf,
    /// Master secrets that binding secrets are derived from: numbers are issued in the newest version, requests
    /// prove every one.
    pub(crate) binding_masters: Vec<BindingMaster>,
    /// Every broker to dial.
    pub(crate) brokers: Vec<PeerAddress>,
    /// A login without use for this many seconds is closed and its folder erased.
    #[serde(default = "default_login_timeout")]
    pub(crate) login_timeout_s: u64,
    /// What the process asks of the system.
    #[serde(default)]
    pub(crate) process: ProcessSettings,
    /// Bounds with usable defaults.
    #[serde(default)]
    pub(crate) limits: Limits,
}

/// One version of the registry's binding master.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct BindingMaster {
    /// Version, 1 to 127.
    pub(crate) version: u8,
    /// Key file of 32 bytes.
    pub(crate) file: PathBuf,
}

/// Listening addresses.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Listen {
    /// HTTP: `/metrics`, `/healthz`, `/readyz`.
    pub(crate) metrics: SocketAddr,
}

/// Bounds of what the portal does at once.
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub(crate) struct Limits {
    /// Self-information requests in flight.
    pub(crate) requests: usize,
    /// Requests from bodies in flight.
    pub(crate) inbound: usize,
    /// Milliseconds a self-information request may take, retries included: longer than a silent broker takes to
    /// be given up.
    pub(crate) deadline_ms: u32,
    /// Logins open at once.
    pub(crate) logins: usize,
    /// Bytes all user folders may hold together.
    pub(crate) folder_bytes: usize,
    /// Seconds a broker is held off after a fault in its permits.
    pub(crate) integrity_hold_seconds: u64,
    /// Longest retention of a notice the portal accepts, days from today.
    pub(crate) retention_days: u32,
    /// Seconds after which the portal replaces an end-to-end channel that it has opened.
    pub(crate) channel_max_seconds: u64,
    /// Messages after which it does, both directions together. The node must allow as many.
    pub(crate) channel_max_messages: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            requests: 1_024,
            inbound: 512,
            deadline_ms: 20_000,
            logins: 65_536,
            folder_bytes: 256 * 1024 * 1024,
            integrity_hold_seconds: 30,
            retention_days: 3_660,
            channel_max_seconds: 3_600,
            channel_max_messages: 1 << 24,
        }
    }
}

fn default_login_timeout() -> u64 {
    900
}

/// Why a configuration was refused.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    /// It cannot be read, or a key is unknown or of the wrong kind.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// Where keys are kept.
    #[error("{0}: {1}")]
    Keys(PathBuf, KeySettingsError),
    /// Values that contradict each other.
    #[error("{0}: {1}")]
    Contradiction(PathBuf, &'static str),
}

impl Settings {
    /// Reads `file` and the environment.
    pub(crate) fn load(file: &Path) -> Result<Self, ConfigError> {
        let mut settings: Self = settings::load(file)?;
        settings.check().map_err(|reason| ConfigError::Contradiction(file.to_owned(), reason))?;
        settings.keys.check().map_err(|error| ConfigError::Keys(file.to_owned(), error))?;
        settings.resolve(&settings::base_of(file));
        Ok(settings)
    }

    fn check(&self) -> Result<(), &'static str> {
        let loopback = self.listen.metrics.ip().is_loopback()
            && self.brokers.iter().all(|b| b.address.ip().is_loopback());
        let limits = &self.limits;
        let positive = [limits.requests, limits.inbound, limits.logins, limits.folder_bytes];
        let rotating = limits.channel_max_seconds > 0 && limits.channel_max_messages > 0;
        if self.name.parse::<Owner>().is_err() {
            Err("name must be 1 to 32 of a-z 0-9 -: it owns keys")
        } else if self.brokers.is_empty() {
            Err("at least one [[brokers]] entry is needed")
        } else if self.development && !loopback {
            Err("development = true allows loopback addresses only")
        } else if self.clock_file.is_some() && !self.development {
            Err("clock_file needs development = true")
        } else if self.process.core_dumps && !self.development {
            Err("process.core_dumps needs development = true")
        } else if !self.binding_masters_fit() {
            Err("binding_masters: 1 or 2 versions from 1 to 127, each once")
        } else if self.login_timeout_s == 0 || positive.contains(&0) || !rotating {
            Err("limits and login_timeout_s must be positive")
        } else if !(1..=chukei_wire::limits::DEADLINE_MAX_MS).contains(&limits.deadline_ms) {
            Err("limits.deadline_ms must be between 1 and 60000")
        } else {
            Ok(())
        }
    }

    fn binding_masters_fit(&self) -> bool {
        let versions: Vec<u8> = self.binding_masters.iter().map(|master| master.version).collect();
        matches!(versions.as_slice(), [one] | [one, _] if versions.iter().skip(1).all(|other| other != one))
            && versions.iter().all(|version| (FIRST_VERSION..=VERSION_MAX).contains(version))
    }

    fn resolve(&mut self, folder: &Path) {
        let fixed = [
            &mut self.data_dir,
            &mut self.socket,
            &mut self.tls.certificate,
            &mut self.tls.key,
            &mut self.tls.authority,
            &mut self.peers.file,
            &mut self.peers.root,
            &mut self.identity_key,
            &mut self.registry_key,
        ];
        let (keys, clock, crl) = (self.keys.paths(), self.clock_file.as_mut(), self.tls.crl.as_mut());
        let masters = self.binding_masters.iter_mut().map(|master| &mut master.file);
        for path in fixed.into_iter().chain(masters).chain(clock).chain(crl).chain(keys) {
            *path = folder.join(&*path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLE: &str = include_str!("../portal.sample.toml");

    fn load(text: &str) -> Result<Settings, ConfigError> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("portal.toml");
        std::fs::write(&file, text).unwrap();
        Settings::load(&file)
    }

    #[test]
    fn the_commented_sample_is_complete_and_paths_follow_the_file() {
        let settings = load(SAMPLE).unwrap();
        assert_eq!(settings.name, "mynaportal");
        assert_eq!(settings.limits.deadline_ms, Limits::default().deadline_ms);
        assert!(settings.socket.is_absolute());
        assert!(settings.tls.key.ends_with("pki/portal-mynaportal.key"));
    }

    #[test]
    fn unknown_keys_are_named() {
        let text = SAMPLE.replace("[listen]\n", "[listen]\nmetircs = \"127.0.0.1:1\"\n");
        let error = load(&text).unwrap_err().to_string();
        assert!(error.contains("listen.metircs"), "{error}");
    }

    #[test]
    fn one_or_two_binding_masters_of_different_possible_versions() {
        let more =
            |version: u8| format!("{SAMPLE}\n[[binding_masters]]\nversion = {version}\nfile = \"f\"\n");
        assert!(load(&more(2)).unwrap().binding_masters.iter().all(|master| master.file.is_absolute()));
        let three = format!("{}\n[[binding_masters]]\nversion = 3\nfile = \"f\"\n", more(2));
        for wrong in [more(1), more(0), more(128), three] {
            assert!(matches!(load(&wrong), Err(ConfigError::Contradiction(..))));
        }
    }

    #[test]
    fn a_wrong_value_names_its_key() {
        let text = SAMPLE.replace("login_timeout_s = 900", "login_timeout_s = \"soon\"");
        let error = load(&text).unwrap_err().to_string();
        assert!(error.contains("login_timeout_s"), "{error}");
    }

    #[test]
    fn development_is_for_loopback_and_the_clock_file_for_development() {
        let elsewhere = SAMPLE.replace("metrics = \"127.0.0.1", "metrics = \"192.0.2.1");
        assert!(matches!(load(&elsewhere), Err(ConfigError::Contradiction(..))));
        let production = SAMPLE.replace("development = true", "development = false");
        assert!(matches!(load(&production), Err(ConfigError::Contradiction(..))));
    }
}
