//! Lays out a folder with keys, configurations and a clock for one broker, one node and one portal.
//!
//! What must hold: a folder that was laid out before is opened as it is, so that a stack can be stopped and
//! started again on the same keys, ports and data.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use chukei_node::config::serve::NodeConfig;
use chukei_relay_client::clock::Clock;

use crate::error::HarnessError;
use crate::role::Role;
use crate::store::Store;

mod files;
mod founding;
mod people;
mod platform;

/// A fictitious body of the stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Body {
    /// Local body code; prefixes 98 and 99 are used by no real body.
    pub code: &'static str,
    /// Its name.
    pub name: &'static str,
}

/// The bodies of the stack (海鳴市, 葉風市, 星見町).
pub const BODIES: [Body; 3] = [
    Body { code: "982016", name: "海鳴市" },
    Body { code: "982024", name: "葉風市" },
    Body { code: "983012", name: "星見町" },
];
/// The member of staff whose terminal `staff-<body>.toml` is.
pub const STAFF: &str = "u-tax-07";
/// The terminal that `staff-<body>.toml` is for.
pub const DEVICE: &str = "t-01";
/// The clerk of the care affair alone.
pub const CARE_CLERK: &str = "u-care-03";
/// Who approves acts of two persons, and does nothing else.
pub const APPROVER: &str = "u-appr-01";
/// The business system.
pub const SYSTEM: &str = "zeimu";
/// Who reads the log, and no data.
pub const AUDITOR: &str = "a-audit-01";
/// The platform's operator.
pub const OPERATOR: &str = "o-ops-01";
/// The contractor who maintains the platform.
pub const MAINTENANCE: &str = "m-ven-01";
/// The platform's own terminal, for operator and contractor.
pub const PLATFORM_DEVICE: &str = "p-01";
/// The affairs every body is enabled for: tax and care.
pub const AFFAIRS: [&str; 2] = ["JM99000000001000", "JM99000000002000"];
pub(crate) const BROKER: &str = "broker-a";
pub(crate) const NODE: &str = "node-a";
pub(crate) const PORTAL: &str = "mynaportal";

/// Addresses the roles of one layout listen on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Addresses {
    pub(crate) relay: SocketAddr,
    pub(crate) staff: SocketAddr,
    pub(crate) broker_metrics: SocketAddr,
    pub(crate) node_metrics: SocketAddr,
    pub(crate) portal_metrics: SocketAddr,
}

/// A folder that is laid out.
#[derive(Clone, Debug)]
pub struct Layout {
    dir: PathBuf,
    addresses: Addresses,
}

impl Layout {
    /// Opens the stack laid out in `dir`, or lays out a new one there whose node keeps its bodies with the default
    /// engine.
    pub fn open_or_create(dir: &Path) -> Result<Self, HarnessError> {
        Self::open_or_create_with(dir, Store::default())
    }

    /// Opens the stack laid out in `dir` as it is, or lays out a new one there whose node keeps its bodies in `store`.
    pub fn open_or_create_with(dir: &Path, store: Store<'_>) -> Result<Self, HarnessError> {
        fs::create_dir_all(dir).map_err(|source| HarnessError::file(dir, source))?;
        let dir = dir.canonicalize().map_err(|source| HarnessError::file(dir, source))?;
        match files::read_addresses(&dir)? {
            Some(addresses) => Ok(Self { dir, addresses }),
            None => Self::create(dir, store),
        }
    }

    /// Whether a stack is laid out in `dir`.
    pub fn exists(dir: &Path) -> bool {
        dir.join(files::ADDRESSES).exists()
    }

    fn create(dir: PathBuf, store: Store<'_>) -> Result<Self, HarnessError> {
        let free = || chukei_ports::free().map_err(|source| HarnessError::io("a free loopback port", source));
        let addresses = Addresses {
            relay: free()?,
            staff: free()?,
            broker_metrics: free()?,
            node_metrics: free()?,
            portal_metrics: free()?,
        };
        people::issue_keys(&dir.join("pki"))?;
        let layout = Self { dir, addresses };
        layout.set_clock("+0s")?;
        files::write_configurations(&layout.dir, &addresses)?;
        store.configure(&layout)?;
        files::write_addresses(&layout.dir, &addresses)?;
        Ok(layout)
    }

    /// The engine of its node, by its name in configurations.
    pub fn engine(&self) -> Result<&'static str, HarnessError> {
        let config = NodeConfig::load(&self.config(Role::Node))?;
        Ok(config.store.engine.as_str())
    }

    /// The folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// A role's configuration file.
    pub fn config(&self, role: Role) -> PathBuf {
        self.dir.join(format!("{role}.toml"))
    }

    /// The configuration of a body's staff terminal.
    pub fn staff_config(&self, body: &str) -> PathBuf {
        self.dir.join(format!("staff-{body}.toml"))
    }

    /// The configuration of a body's auditor.
    pub fn auditor_config(&self, body: &str) -> PathBuf {
        self.dir.join(format!("auditor-{body}.toml"))
    }

    /// The configuration of whoever approves a body's acts.
    pub fn approver_config(&self, body: &str) -> PathBuf {
        self.dir.join(format!("approver-{body}.toml"))
    }

    /// The configuration of a body's clerk of the care affair.
    pub fn care_config(&self, body: &str) -> PathBuf {
        self.dir.join(format!("care-{body}.toml"))
    }

    /// The configuration of a body's business system.
    pub fn system_config(&self, body: &str) -> PathBuf {
        self.dir.join(format!("system-{body}.toml"))
    }

    /// The configuration of the platform's operator.
    pub fn operator_config(&self) -> PathBuf {
        self.dir.join("operator.toml")
    }

    /// The configuration of the contractor who maintains the platform.
    pub fn maintenance_config(&self) -> PathBuf {
        self.dir.join("maintenance.toml")
    }

    /// A role's log.
    pub fn log(&self, role: Role) -> PathBuf {
        self.dir.join(format!("{role}.log"))
    }

    /// Where the running role's process id is written.
    pub fn pid_file(&self, role: Role) -> PathBuf {
        self.dir.join(format!("{role}.pid"))
    }

    /// The portal's command socket.
    pub fn portal_socket(&self) -> PathBuf {
        self.dir.join("portal.sock")
    }

    /// A role's `/metrics`, `/healthz` and `/readyz`.
    pub fn metrics(&self, role: Role) -> SocketAddr {
        match role {
            Role::Broker => self.addresses.broker_metrics,
            Role::Node => self.addresses.node_metrics,
            Role::Portal => self.addresses.portal_metrics,
        }
    }

    /// Moves the clock of every role: an offset such as `+31d`, or an RFC 3339 instant.
    pub fn set_clock(&self, text: &str) -> Result<(), HarnessError> {
        files::replace(&self.dir.join("clock"), text)
    }

    /// Sets a variable in the environment of every role that is started from now on: what a library asks of it has
    /// no place in a configuration of ours.
    pub fn set_environment(&self, name: &str, value: &str) -> Result<(), HarnessError> {
        files::replace(&self.dir.join("environment"), &format!("{name}={value}\n"))
    }

    /// What [`Layout::set_environment`] set.
    pub(crate) fn environment(&self) -> Option<(String, String)> {
        let text = fs::read_to_string(self.dir.join("environment")).ok()?;
        let (name, value) = text.trim_end().split_once('=')?;
        Some((name.to_owned(), value.to_owned()))
    }

    /// The time the roles read.
    pub fn clock(&self) -> Clock {
        Clock::file(self.dir.join("clock"))
    }
}
