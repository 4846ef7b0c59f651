//! Configuration of the two roles, and what both must satisfy before anything starts.

pub mod broker;
mod code_masters;
pub mod limits;
pub mod log_disk;
pub mod retention;
pub mod review;
pub mod serve;
pub mod store;
pub mod time_stamps;
pub mod two_person;
pub mod upkeep;
pub mod zones;

use std::net::SocketAddr;
use std::path::PathBuf;

use chukei_keys::process::ProcessSettings;

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file does not load.
    #[error(transparent)]
    Settings(#[from] chukei_relay_client::settings::SettingsError),
    /// It loads, but contradicts itself or a rule.
    #[error("{key}: {problem}")]
    Rule {
        /// The key at fault.
        key: String,
        /// What is wrong and what to do.
        problem: String,
    },
}

impl ConfigError {
    /// A broken rule at `key`.
    pub fn rule(key: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::Rule { key: key.into(), problem: problem.into() }
    }
}

/// Development settings are for one machine: a followed clock file and development mode itself need every
/// address on the loopback.
pub fn check_development(
    development: bool,
    clock_file: Option<&PathBuf>,
    addresses: &[SocketAddr],
) -> Result<(), ConfigError> {
    if clock_file.is_some() && !development {
        return Err(ConfigError::rule("clock_file", "only with development = true; remove it"));
    }
    match addresses.iter().find(|address| development && !address.ip().is_loopback()) {
        Some(address) => Err(ConfigError::rule(
            "development",
            format!("only on loopback, but {address} is not; use a loopback address or development = false"),
        )),
        None => Ok(()),
    }
}

/// A dump of a process that holds keys is a copy of them.
pub fn check_process(development: bool, process: ProcessSettings) -> Result<(), ConfigError> {
    if process.core_dumps && !development {
        return Err(ConfigError::rule("process.core_dumps", "only with development = true; remove it"));
    }
    Ok(())
}

/// Names of roles are what their certificates carry.
pub fn check_name(key: &str, name: &str) -> Result<(), ConfigError> {
    let identity = format!("chukei://node/{name}");
    match identity.parse::<chukei_wire::identity::Identity>() {
        Ok(_) => Ok(()),
        Err(_) => Err(ConfigError::rule(key, "1 to 64 of a-z, 0-9, '.', '_' and '-'")),
    }
}

/// The clock a role follows: the system's, or a development clock file.
pub fn clock(clock_file: Option<&PathBuf>, base: &std::path::Path) -> chukei_relay_client::clock::Clock {
    match clock_file {
        Some(file) => chukei_relay_client::clock::Clock::file(base.join(file)),
        None => chukei_relay_client::clock::Clock::system(),
    }
}
