//! Configuration of `chukei-node serve`. The commented sample is `node/node.sample.toml`, which a test parses.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use chukei_keys::KeySettings;
use chukei_keys::process::ProcessSettings;
use chukei_relay_client::settings::{PeerAddress, PeersSettings, TlsSettings, base_of, load};
use chukei_wire::body_code::BodyCode;
use serde::Deserialize;

use crate::config::limits::{Limits, OwnLimits};
use crate::config::log_disk::LogDiskSettings;
use crate::config::retention::RetentionSettings;
use crate::config::review::ReviewSettings;
use crate::config::store::StoreSettings;
use crate::config::time_stamps::TimeStampSettings;
use crate::config::two_person::TwoPersonSettings;
use crate::config::upkeep::UpkeepSettings;
use crate::config::zones::ZoneSettings;
use crate::config::{ConfigError, check_development, check_name, check_process};
use crate::hosted::identity::IdentityPlace;

/// Everything a node needs to know.
#[derive(Clone, Debug, Deserialize)]
pub struct NodeConfig {
    /// The node's name, as in its certificate.
    pub name: String,
    /// Loopback only; allows a clock file.
    #[serde(default)]
    pub development: bool,
    /// Folder of stores, journal and keyrings.
    pub data_dir: PathBuf,
    /// Development clock.
    pub clock_file: Option<PathBuf>,
    /// Addresses to listen on.
    pub listen: Listen,
    /// Certificate of the hops.
    pub tls: TlsSettings,
    /// Signed peer list.
    pub peers: PeersSettings,
    /// The signed register of the platform's operators and contractors, its signature beside it; without one nobody of
    /// the platform is known.
    pub platform: Option<PathBuf>,
    /// Where the bodies' roots and epochs are kept.
    pub keys: KeySettings,
    /// Where the bodies' rows are kept.
    #[serde(default)]
    pub store: StoreSettings,
    /// Brokers to dial; two for a system without a single point of failure.
    pub brokers: Vec<PeerAddress>,
    /// Bodies this node hosts.
    pub bodies: Vec<BodyConfig>,
    /// Which addresses belong to which zone of the bodies' networks.
    #[serde(default)]
    pub zones: ZoneSettings,
    /// What the process asks of the system.
    #[serde(default)]
    pub process: ProcessSettings,
    /// Bounds.
    #[serde(default)]
    pub limits: Limits,
    /// What happens to what has ended.
    #[serde(default)]
    pub expiry: ExpirySettings,
    /// How long acts that two persons decide wait.
    #[serde(default)]
    pub two_person: TwoPersonSettings,
    /// How long logs keep what they hold.
    #[serde(default)]
    pub retention: RetentionSettings,
    /// Which authority stamps the logs' checkpoints; none where it is absent.
    pub time_stamps: Option<TimeStampSettings>,
    /// What is kept of the journal's disk, and what goes when it fills.
    #[serde(default)]
    pub log_disk: LogDiskSettings,
    /// What operators and maintenance need on this host.
    #[serde(default)]
    pub upkeep: UpkeepSettings,
    /// Where the rules of the review queue begin.
    #[serde(default)]
    pub review: ReviewSettings,
    /// Folder of the configuration file; relative paths start there.
    #[serde(skip)]
    pub base: PathBuf,
}

/// Addresses to listen on.
#[derive(Clone, Debug, Deserialize)]
pub struct Listen {
    /// QUIC: staff terminals and business systems.
    pub staff: SocketAddr,
    /// HTTP: metrics and health.
    pub metrics: SocketAddr,
}

/// One hosted body.
#[derive(Clone, Debug, Deserialize)]
pub struct BodyConfig {
    /// Local body code, as text.
    pub code: BodyCode,
    /// Name for logs of the body itself.
    pub name: String,
    /// Identity key, of channels and delegations: a file, or `pkcs11:<label>` in the token that `[keys]` describes.
    pub identity_key: PathBuf,
    /// Key that opens the body's part of acquisition numbers.
    pub acquisition_key: PathBuf,
    /// Affairs the body is enabled for (R12).
    pub affairs: Vec<String>,
    /// Name of the portal its notices go to.
    pub portal: String,
    /// The document that says who the body knows at first, signed by the root of the peer list; its signature lies
    /// beside it. Read when the body's register is empty, and never again.
    pub founding: Option<PathBuf>,
    /// The body comes from another node or from a backup: nothing is made for it before its rows are restored.
    #[serde(default)]
    pub awaited: bool,
    /// Limits of its own, where they are not the usual ones.
    #[serde(default)]
    pub limits: OwnLimits,
}

/// What happens to what has ended.
#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
pub struct ExpirySettings {
    /// Rows that nobody opens any more, removed a second, all bodies together; a quarter of it while requests are in
    /// work.
    pub rows_per_second: u32,
}

impl Default for ExpirySettings {
    fn default() -> Self {
        Self { rows_per_second: 5_000 }
    }
}

impl NodeConfig {
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

    fn check(&self) -> Result<(), ConfigError> {
        check_name("name", &self.name)?;
        let mut addresses = vec![self.listen.staff, self.listen.metrics];
        addresses.extend(self.brokers.iter().map(|broker| broker.address));
        check_development(self.development, self.clock_file.as_ref(), &addresses)?;
        check_process(self.development, self.process)?;
        self.retention.check(self.development)?;
        self.log_disk.check(self.development)?;
        self.time_stamps.as_ref().map_or(Ok(()), TimeStampSettings::check)?;
        self.review.limits()?;
        self.two_person.check(self.development)?;
        self.keys.check().map_err(|error| ConfigError::rule("keys", error.to_string()))?;
        self.store.check()?;
        self.zones.check().map_err(|problem| ConfigError::rule("zones", problem))?;
        if self.brokers.is_empty() {
            return Err(ConfigError::rule(
                "brokers",
                "at least one broker is needed; two survive the loss of one",
            ));
        }
        for broker in &self.brokers {
            check_name("brokers.name", &broker.name)?;
        }
        self.check_bodies()?;
        self.limits.check()?;
        Ok(())
    }

    fn check_bodies(&self) -> Result<(), ConfigError> {
        if self.bodies.is_empty() || self.bodies.len() > 2_000 {
            return Err(ConfigError::rule("bodies", "from 1 to 2000 bodies"));
        }
        let mut seen = BTreeSet::new();
        for body in &self.bodies {
            if !seen.insert(body.code) {
                return Err(ConfigError::rule("bodies.code", format!("{} stands twice", body.code)));
            }
            check_name("bodies.portal", &body.portal)?;
            self.limits.check_body("bodies.limits", body.limits)?;
            IdentityPlace::of(&body.identity_key, &self.keys, &self.base)
                .map_err(|error| ConfigError::rule("bodies.identity_key", error.to_string()))?;
            for affair in &body.affairs {
                if affair.parse::<chukei_domain::codes::AffairCode>().is_err() {
                    return Err(ConfigError::rule("bodies.affairs", format!("{affair} is no affair code")));
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLE: &str = include_str!("../../node.sample.toml");

    fn load_text(text: &str) -> Result<NodeConfig, ConfigError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("node.toml");
        std::fs::write(&path, text).unwrap();
        NodeConfig::load(&path)
    }

    #[test]
    fn the_sample_loads() {
        let config = load_text(SAMPLE).unwrap();
        assert_eq!(config.bodies[0].code.as_str(), "982016");
    }

    #[test]
    fn that_of_a_cluster_loads() {
        let config = load_text(include_str!("../../../k8s/base/config/node.toml")).unwrap();
        assert!(!config.development && config.platform.is_some() && config.upkeep.backups.is_some());
        assert!(config.bodies.iter().all(|body| body.founding.is_some()));
        assert_ne!(config.zones, ZoneSettings::default());
    }

    #[test]
    fn development_stays_on_loopback() {
        let text = SAMPLE.replace("127.0.0.1:7401", "192.0.2.1:7401");
        let error = load_text(&text).unwrap_err();
        assert!(error.to_string().starts_with("development"), "{error}");
    }

    #[test]
    fn a_clock_file_needs_development() {
        let text = SAMPLE.replace("development = true", "development = false");
        let error = load_text(&text).unwrap_err();
        assert!(error.to_string().starts_with("clock_file"), "{error}");
    }

    #[test]
    fn core_dumps_need_development() {
        let dumps = SAMPLE.replace("core_dumps = false", "core_dumps = true");
        assert!(load_text(&dumps).unwrap().process.core_dumps);
        let text = dumps.replace("development = true", "development = false");
        let error = load_text(&text.replace("clock_file", "# clock_file")).unwrap_err();
        assert!(error.to_string().starts_with("process.core_dumps"), "{error}");
    }

    #[test]
    fn a_body_stands_once() {
        let text = format!(
            "{SAMPLE}\n{}",
            SAMPLE
                .split_once("[[bodies]]")
                .map(|(_, body)| format!("[[bodies]]{}", body.split("[limits]").next().unwrap()))
                .unwrap()
        );
        assert!(load_text(&text).unwrap_err().to_string().contains("stands twice"));
    }
    #[test]
    fn a_body_has_limits_of_its_own_and_the_usual_ones_beside_them() {
        let own = |limits: &str| {
            load_text(&SAMPLE.replace("# limits = { requests_per_second = 200, weight = 2 }", limits))
        };
        let config = own("limits = { requests_per_second = 200, weight = 2 }").unwrap();
        let bounds = config.limits.bounds(config.bodies[0].limits);
        let pace = bounds.pace.unwrap();
        assert_eq!((bounds.weight, pace.requests, pace.burst), (2, 200, config.limits.burst_per_body));
        assert_eq!(bounds.in_flight, config.limits.in_flight_per_body);
        for wrong in
            ["weight = 101", "in_flight = 0", "kib_in_per_second = 1", "storage_mib = 0", "burst = 0"]
        {
            let error = own(&format!("limits = {{ {wrong} }}")).unwrap_err().to_string();
            assert!(error.starts_with("bodies.limits"), "{wrong}: {error}");
        }
    }
}
