//! Configuration of a staff terminal. The commented sample is `ops/staff.sample.toml`, which a test parses.

use std::path::{Path, PathBuf};

use chukei_domain::codes::AffairCode;
use chukei_relay_client::clock::Clock;
use chukei_relay_client::factor::Authenticator;
use chukei_relay_client::settings::{DeviceSettings, PeerAddress, TlsSettings, base_of, load};
use chukei_relay_client::tls::TlsFiles;
use chukei_wire::body_code::BodyCode;
use chukei_wire::identity::Identity;
use serde::Deserialize;

use crate::factors::FactorSettings;
use crate::failure::Failure;

/// What a terminal needs to know.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct StaffConfig {
    /// The body whose staff use this terminal; absent for operators of the platform and maintenance.
    pub(crate) body: Option<BodyCode>,
    /// Loopback only; allows a clock file.
    #[serde(default)]
    pub(crate) development: bool,
    /// Development clock.
    clock_file: Option<PathBuf>,
    /// The user's certificate: one person, one id (R3).
    tls: TlsSettings,
    /// The terminal's own certificate, where it has one.
    device: Option<DeviceSettings>,
    /// What the user proves beside the certificate.
    #[serde(default, rename = "factor")]
    factors: Vec<FactorSettings>,
    /// The affair (事務) that the user works on, where no command says another.
    pub(crate) affair: Option<AffairCode>,
    /// The node that hosts the body.
    pub(crate) node: PeerAddress,
    /// Folder of the configuration file; relative paths start there.
    #[serde(skip)]
    base: PathBuf,
}

impl StaffConfig {
    /// Loads and checks a configuration file.
    pub(crate) fn load(path: &Path) -> Result<Self, Failure> {
        let mut config: Self = load(path)
            .map_err(|error| bad(format!("設定を読み込めません: {error}。設定ファイルを確認してください")))?;
        config.base = base_of(path);
        config.check()?;
        Ok(config)
    }

    /// The clock that certificates are judged by.
    pub(crate) fn clock(&self) -> Clock {
        self.clock_file.as_ref().map_or_else(Clock::system, |file| Clock::file(self.base.join(file)))
    }

    /// The files of the user's certificate.
    pub(crate) fn tls_files(&self) -> TlsFiles {
        self.tls.files(&self.base)
    }

    /// The files of the terminal's certificate and key.
    pub(crate) fn device_files(&self) -> Option<[PathBuf; 2]> {
        let device = self.device.as_ref()?;
        Some([&device.certificate, &device.key].map(|path| self.base.join(path)))
    }

    /// What proves the user's factors, in the order of the file.
    pub(crate) fn authenticators(&self) -> Result<Vec<Box<dyn Authenticator>>, Failure> {
        self.factors.iter().map(|factor| factor.authenticator(&self.base)).collect()
    }

    fn check(&self) -> Result<(), Failure> {
        if format!("chukei://node/{}", self.node.name).parse::<Identity>().is_err() {
            return Err(bad("node.name は1〜64文字の a-z 0-9 . _ - で指定してください"));
        }
        if self.clock_file.is_some() && !self.development {
            return Err(bad("clock_file は development = true のときだけ使えます。削除してください"));
        }
        if self.development && !self.node.address.ip().is_loopback() {
            return Err(bad("development はループバックのときだけ使えます。node.address を確認してください"));
        }
        self.factors.iter().try_for_each(FactorSettings::check)
    }
}

fn bad(message: impl Into<String>) -> Failure {
    Failure::usage("BAD_CONFIG", message)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLE: &str = include_str!("../staff.sample.toml");

    fn load_text(text: &str) -> Result<StaffConfig, Failure> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("staff.toml");
        std::fs::write(&path, text).unwrap();
        StaffConfig::load(&path)
    }

    #[test]
    fn the_sample_loads_and_its_paths_start_at_the_file() {
        let config = load_text(SAMPLE).unwrap();
        assert_eq!(config.body.unwrap().as_str(), "982016");
        let files = config.tls_files();
        assert!(files.certificate.is_absolute());
        assert!(files.certificate.ends_with("pki/staff-982016-u-tax-07.pem"));
        assert!(files.crl.unwrap().ends_with("pki/ca.crl"));
        assert_eq!(config.device_files(), None);
        let with = SAMPLE.replace("# [device]", "[device]");
        let with = with.replace("# certificate", "certificate").replace("# key", "key");
        let [device, _] = load_text(&with).unwrap().device_files().unwrap();
        assert!(device.is_absolute() && device.ends_with("pki/device-982016-t-01.pem"));
    }

    #[test]
    fn an_unknown_key_is_refused_by_its_name() {
        let failure = load_text(&format!("bodyy = \"982016\"\n{SAMPLE}")).unwrap_err();
        assert!(failure.message.contains("bodyy"), "{failure}");
    }

    #[test]
    fn development_stays_on_loopback_and_a_clock_file_needs_it() {
        let remote = SAMPLE.replace("127.0.0.1", "192.0.2.1");
        assert!(load_text(&remote.replace("development = false", "development = true")).is_err());
        assert!(load_text(&remote).is_ok());
        assert!(load_text(&format!("clock_file = \"clock\"\n{SAMPLE}")).is_err());
    }
}
