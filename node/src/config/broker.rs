//! Configuration of `chukei-node broker`. The commented sample is `node/broker.sample.toml`, which a test parses.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use chukei_keys::process::ProcessSettings;
use chukei_keys::{InvalidOwner, KeySettings, Owner};
use chukei_relay_client::settings::{PeerAddress, PeersSettings, TlsSettings, base_of, load};
use chukei_wire::limits::LEGAL_BASIS_MAX;
use serde::Deserialize;

pub use crate::config::code_masters::CodeMasterFile;
use crate::config::log_disk::LogDiskSettings;
use crate::config::retention::RetentionSettings;
use crate::config::{ConfigError, check_development, check_name, check_process, code_masters};

/// Other brokers that one broker knows.
const BROKERS_MAX: usize = 8;

/// Everything a broker needs to know.
#[derive(Clone, Debug, Deserialize)]
pub struct BrokerConfig {
    /// The broker's name, as in its certificate.
    pub name: String,
    /// Loopback only; allows a clock file.
    #[serde(default)]
    pub development: bool,
    /// Folder of the journal and the keyring.
    pub data_dir: PathBuf,
    /// Development clock.
    pub clock_file: Option<PathBuf>,
    /// Key file that opens the brokers' part of acquisition numbers.
    pub acquisition_key: PathBuf,
    /// Key file of this broker's own Ed25519 key, which signs the roots over its permits.
    pub permit_key: PathBuf,
    /// Key file of its other own Ed25519 key, which cosigns the heads of bodies' logs.
    pub witness_key: PathBuf,
    /// The versions of the secret behind person codes.
    pub code_masters: Vec<CodeMasterFile>,
    /// Addresses to listen on.
    pub listen: Listen,
    /// The other brokers, each of which is shown what this one cosigns. The first holds a second copy of this one's records.
    #[serde(default)]
    pub brokers: Vec<PeerAddress>,
    /// Certificate of the hops.
    pub tls: TlsSettings,
    /// Signed peer list.
    pub peers: PeersSettings,
    /// Where the broker's own roots and epochs are kept, under its name.
    pub keys: KeySettings,
    /// What permits state as their legal basis.
    pub legal_basis: LegalBasis,
    /// What the process asks of the system.
    #[serde(default)]
    pub process: ProcessSettings,
    /// Bounds.
    #[serde(default)]
    pub limits: Limits,
    /// How long logs keep what they hold.
    #[serde(default)]
    pub retention: RetentionSettings,
    /// What is kept of the journal's disk, and what goes when it fills.
    #[serde(default)]
    pub log_disk: LogDiskSettings,
    /// Whether to take back, once, what the first of the other brokers has copies of and this one has lost: a matter of the
    /// command line.
    #[serde(skip)]
    pub adopt_copies: bool,
    /// Folder of the configuration file; relative paths start there.
    #[serde(skip)]
    pub base: PathBuf,
}

/// Addresses to listen on.
#[derive(Clone, Debug, Deserialize)]
pub struct Listen {
    /// QUIC: nodes and portals.
    pub relay: SocketAddr,
    /// HTTP: metrics and health.
    pub metrics: SocketAddr,
}

/// Legal bases; the numbering of the law changes, so that they are configuration.
#[derive(Clone, Debug, Deserialize)]
pub struct LegalBasis {
    /// Of requests to bodies, at most 256 bytes.
    pub self_info: String,
    /// Of requests to the portal, at most 256 bytes.
    pub notice: String,
}

/// Bounds of a broker. Every one has a default that suits one platform of a few hundred bodies.
#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
pub struct Limits {
    /// Connections at once.
    pub connections: usize,
    /// Requests in work at once, all bodies together.
    pub in_flight: usize,
    /// Requests in work at once of one body.
    pub in_flight_per_body: usize,
    /// Seconds a drain may take after SIGTERM.
    pub drain_seconds: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { connections: 4096, in_flight: 1024, in_flight_per_body: 256, drain_seconds: 8 }
    }
}

impl BrokerConfig {
    /// Loads and checks a configuration file.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let mut config: Self = load(path)?;
        config.base = base_of(path);
        config.check()?;
        Ok(config)
    }

    /// A path of the configuration, absolute or relative to the configuration file.
    pub fn path(&self, path: &Path) -> PathBuf {
        self.base.join(path)
    }

    /// The broker as the owner of its keys.
    pub fn owner(&self) -> Result<Owner, ConfigError> {
        self.name.parse().map_err(|error: InvalidOwner| ConfigError::rule("name", error.to_string()))
    }

    fn check(&self) -> Result<(), ConfigError> {
        check_name("name", &self.name)?;
        self.owner()?;
        self.keys.check().map_err(|error| ConfigError::rule("keys", error.to_string()))?;
        self.check_brokers()?;
        let mut addresses = vec![self.listen.relay, self.listen.metrics];
        addresses.extend(self.brokers.iter().map(|broker| broker.address));
        check_development(self.development, self.clock_file.as_ref(), &addresses)?;
        check_process(self.development, self.process)?;
        self.retention.check(self.development)?;
        self.log_disk.check(self.development)?;
        for (key, text) in [("self_info", &self.legal_basis.self_info), ("notice", &self.legal_basis.notice)]
        {
            if text.is_empty() || text.len() > LEGAL_BASIS_MAX {
                return Err(ConfigError::rule(format!("legal_basis.{key}"), "from 1 to 256 bytes of text"));
            }
        }
        code_masters::check(&self.code_masters)?;
        let limits = &self.limits;
        if [limits.connections, limits.in_flight, limits.in_flight_per_body].contains(&0) {
            return Err(ConfigError::rule("limits", "every limit is at least 1"));
        }
        Ok(())
    }

    fn check_brokers(&self) -> Result<(), ConfigError> {
        let mut known = HashSet::from([self.name.as_str()]);
        for broker in &self.brokers {
            check_name("brokers.name", &broker.name)?;
            if !known.insert(&broker.name) {
                return Err(ConfigError::rule("brokers", "each is another broker, and stands there once"));
            }
        }
        if self.brokers.len() > BROKERS_MAX {
            return Err(ConfigError::rule("brokers", format!("at most {BROKERS_MAX}")));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLE: &str = include_str!("../../broker.sample.toml");

    fn load_text(text: &str) -> Result<BrokerConfig, ConfigError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("broker.toml");
        std::fs::write(&path, text).unwrap();
        BrokerConfig::load(&path)
    }

    #[test]
    fn the_sample_loads_and_states_the_defaults() {
        let config = load_text(SAMPLE).unwrap();
        assert_eq!(config.name, "broker-a");
        assert_eq!(format!("{:?}", config.limits), format!("{:?}", Limits::default()));
    }

    #[test]
    fn development_stays_on_loopback() {
        let error = load_text(&SAMPLE.replace("127.0.0.1:7301", "192.0.2.1:7301")).unwrap_err();
        assert!(error.to_string().starts_with("development"), "{error}");
    }

    #[test]
    fn a_legal_basis_fits_into_a_permit() {
        let long = format!("notice = \"{}\"", "x".repeat(257));
        for text in ["notice = \"\"", &long] {
            let line = SAMPLE.lines().find(|line| line.starts_with("notice")).unwrap();
            let error = load_text(&SAMPLE.replace(line, text)).unwrap_err();
            assert!(error.to_string().starts_with("legal_basis.notice"), "{error}");
        }
    }

    #[test]
    fn code_masters_are_checked_and_their_days_are_dates() {
        let more = |text: &str| {
            load_text(&format!("{SAMPLE}\n[[code_masters]]\nversion = 2\nfile = \"f\"\n{text}\n"))
        };
        assert_eq!(more("issue_from = \"2027-04-01\"").unwrap().code_masters.len(), 2);
        let wrong =
            [("issue_from = \"2027-02-30\"", "issue_from"), ("accept_until = \"2027-04-01\"", "newest")];
        for (text, told) in wrong {
            let error = more(text).unwrap_err().to_string();
            assert!(error.contains("code_masters") && error.contains(told), "{error}");
        }
    }

    #[test]
    fn other_brokers_stand_there_once_each_and_the_own_one_not_at_all() {
        let with = |names: &[&str]| {
            let broker =
                |name: &&str| format!("[[brokers]]\nname = \"{name}\"\naddress = \"127.0.0.1:7303\"\n");
            load_text(&format!("{SAMPLE}\n{}", names.iter().map(broker).collect::<String>()))
        };
        assert_eq!(with(&["broker-c"]).unwrap().brokers.len(), 2);
        for names in [&["broker-a"][..], &["broker-c", "broker-c"]] {
            assert!(with(names).unwrap_err().to_string().starts_with("brokers"));
        }
    }

    #[test]
    fn no_limit_is_zero() {
        let error = load_text(&SAMPLE.replace("in_flight = 1024", "in_flight = 0")).unwrap_err();
        assert!(error.to_string().starts_with("limits"), "{error}");
    }
}
