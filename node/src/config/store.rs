//! `[store]` of a node: the engine that keeps the rows of its bodies, and how much of the machine it may take.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use chukei_store::{EngineKind, PostgresOptions, SledOptions, SqliteOptions};
use serde::{Deserialize, Deserializer, de};
use zeroize::Zeroizing;

use crate::config::ConfigError;

const MIB: usize = 1 << 20;
/// Bodies that may be open at a time, each with a few files.
const OPEN_BODIES_MAX: usize = 2_000;
/// Most that a cache may take, MiB.
const CACHE_MAX_MIB: usize = 1 << 16;
/// Longest password file, bytes.
const PASSWORD_MAX: u64 = 1_024;
/// Longest file of authorities, bytes.
const AUTHORITY_MAX: u64 = 1 << 20;

/// The engine and the options of each.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct StoreSettings {
    /// The engine that bodies lie with.
    #[serde(deserialize_with = "engine")]
    pub engine: EngineKind,
    /// Options of SQLite.
    pub sqlite: SqliteSettings,
    /// Options of sled.
    pub sled: SledSettings,
    /// How a PostgreSQL server is reached; needed where it is the engine.
    pub postgres: Option<PostgresSettings>,
}

/// Options of SQLite.
#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
pub struct SqliteSettings {
    /// Bodies whose files are open at a time.
    pub open_bodies: usize,
    /// MiB of pages that all of them together keep in memory.
    pub cache_mib: usize,
}

impl Default for SqliteSettings {
    fn default() -> Self {
        let SqliteOptions { open_bodies, cache_bytes, .. } = SqliteOptions::default();
        Self { open_bodies, cache_mib: cache_bytes / MIB }
    }
}

/// Options of sled.
#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
pub struct SledSettings {
    /// MiB of pages that each body keeps in memory; every body of the node is open.
    pub cache_mib: usize,
}

impl Default for SledSettings {
    fn default() -> Self {
        let bytes = usize::try_from(SledOptions::default().cache_bytes).unwrap_or(usize::MAX);
        Self { cache_mib: bytes / MIB }
    }
}

/// How a PostgreSQL server is reached.
#[derive(Clone, Debug, Deserialize)]
pub struct PostgresSettings {
    /// `postgresql://role@host:port,host:port/database`, without a password; an absolute path as host, percent-encoded,
    /// is the folder of a Unix socket.
    pub url: String,
    /// File that holds the role's password, one line.
    pub password_file: Option<PathBuf>,
    /// PEM certificates of the authority that signed the server's; needed over a network.
    pub authority: Option<PathBuf>,
    /// Schema of the tables.
    #[serde(default = "schema")]
    pub schema: String,
    /// Connections at most; one more renews the leases.
    #[serde(default = "connections")]
    pub connections: usize,
    /// How long a body stays this node's when it dies, in milliseconds.
    #[serde(default = "lease_ms")]
    pub lease_ms: u64,
}

fn of_defaults() -> PostgresOptions {
    PostgresOptions::new("", "")
}

fn schema() -> String {
    of_defaults().schema
}

fn connections() -> usize {
    of_defaults().connections
}

fn lease_ms() -> u64 {
    u64::try_from(of_defaults().lease.as_millis()).unwrap_or(u64::MAX)
}

fn engine<'de, D: Deserializer<'de>>(deserializer: D) -> Result<EngineKind, D::Error> {
    String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
}

impl StoreSettings {
    /// What can be told without opening anything.
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let rule = |key: &str, problem: String| Err(ConfigError::rule(format!("store.{key}"), problem));
        if !(1..=OPEN_BODIES_MAX).contains(&self.sqlite.open_bodies) {
            return rule("sqlite.open_bodies", format!("from 1 to {OPEN_BODIES_MAX}"));
        }
        for (key, mib) in
            [("sqlite.cache_mib", self.sqlite.cache_mib), ("sled.cache_mib", self.sled.cache_mib)]
        {
            if !(1..=CACHE_MAX_MIB).contains(&mib) {
                return rule(key, format!("from 1 to {CACHE_MAX_MIB} MiB"));
            }
        }
        if self.engine == EngineKind::Postgres && self.postgres.is_none() {
            return rule(
                "postgres",
                "the engine postgres needs a section [store.postgres] with a url".into(),
            );
        }
        Ok(())
    }

    /// Options of SQLite.
    pub fn sqlite(&self) -> SqliteOptions {
        SqliteOptions {
            open_bodies: self.sqlite.open_bodies,
            cache_bytes: self.sqlite.cache_mib * MIB,
            ..SqliteOptions::default()
        }
    }

    /// Options of sled.
    pub fn sled(&self) -> SledOptions {
        let cache_bytes = u64::try_from(self.sled.cache_mib * MIB).unwrap_or(u64::MAX);
        SledOptions { cache_bytes }
    }
}

impl PostgresSettings {
    /// Options of PostgreSQL for the node of this name, with its secrets read. `development` allows loopback
    /// addresses without TLS; relative paths start at `base`.
    pub fn options(
        &self,
        owner: &str,
        development: bool,
        base: &Path,
    ) -> Result<PostgresOptions, ConfigError> {
        let password = self.password_file.as_ref().map(|file| password(&base.join(file))).transpose()?;
        let read_authority = |file: &PathBuf| {
            let file = base.join(file);
            read(&file, AUTHORITY_MAX).map_err(|error| unread("authority", &file, &error))
        };
        let tls_roots = self.authority.as_ref().map(read_authority).transpose()?;
        Ok(PostgresOptions {
            password,
            tls_roots: tls_roots.map(|pem| pem.to_vec()),
            development,
            schema: self.schema.clone(),
            connections: self.connections,
            lease: Duration::from_millis(self.lease_ms),
            ..PostgresOptions::new(&self.url, owner)
        })
    }
}

/// The password in this file: one line.
fn password(path: &Path) -> Result<Zeroizing<String>, ConfigError> {
    let refused = |error: &io::Error| unread("password_file", path, error);
    let bytes = read(path, PASSWORD_MAX).map_err(|error| refused(&error))?;
    let line = str::from_utf8(&bytes).ok().map(|text| text.strip_suffix('\n').unwrap_or(text));
    let line = line.filter(|line| !line.is_empty() && !line.contains(['\n', '\r', '\0']));
    let line = line.ok_or_else(|| refused(&io::Error::other("not one line of text")))?;
    Ok(Zeroizing::new(line.to_owned()))
}

fn read(path: &Path, limit: u64) -> io::Result<Zeroizing<Vec<u8>>> {
    // Room for one byte more than allowed, so that reading never moves a secret to a larger buffer.
    let room = usize::try_from(limit + 1).unwrap_or(usize::MAX);
    let mut bytes = Zeroizing::new(Vec::with_capacity(room));
    File::open(path)?.take(limit + 1).read_to_end(&mut bytes)?;
    if bytes.len() == room { Err(io::Error::other(format!("longer than {limit} bytes"))) } else { Ok(bytes) }
}

fn unread(key: &str, path: &Path, error: &io::Error) -> ConfigError {
    ConfigError::rule(format!("store.postgres.{key}"), format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::serve::NodeConfig;

    const SAMPLE: &str = include_str!("../../node.sample.toml");

    fn loaded(section: &str) -> Result<StoreSettings, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("node.toml");
        let (head, rest) = SAMPLE.split_once("[store]").unwrap();
        let (_, tail) = rest.split_once("[process]").unwrap();
        std::fs::write(&path, format!("{head}{section}\n[process]{tail}")).unwrap();
        NodeConfig::load(&path).map(|config| config.store).map_err(|error| error.to_string())
    }

    #[test]
    fn the_sample_states_the_defaults_of_every_engine() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("node.toml");
        std::fs::write(&path, SAMPLE).unwrap();
        let store = NodeConfig::load(&path).unwrap().store;
        assert_eq!(store.sqlite(), SqliteOptions::default());
        assert_eq!(store.sled(), SledOptions::default());
        assert_eq!(store.engine, EngineKind::Sqlite);
        assert_eq!(loaded("").unwrap().sqlite(), SqliteOptions::default());
    }

    #[test]
    fn every_engine_can_be_named_and_no_other() {
        for (name, kind) in [("sqlite", EngineKind::Sqlite), ("sled", EngineKind::Sled)] {
            assert_eq!(loaded(&format!("[store]\nengine = \"{name}\"")).unwrap().engine, kind);
        }
        let told = loaded("[store]\nengine = \"oracle\"").unwrap_err();
        assert!(told.contains("sqlite, sled or postgres"), "{told}");
        let told = loaded("[store]\nengine = \"postgres\"").unwrap_err();
        assert!(told.contains("[store.postgres]"), "{told}");
    }

    #[test]
    fn bounds_are_kept() {
        for (section, told) in [
            ("[store.sqlite]\nopen_bodies = 0", "store.sqlite.open_bodies"),
            ("[store.sqlite]\ncache_mib = 65537", "store.sqlite.cache_mib"),
            ("[store.sled]\ncache_mib = 0", "store.sled.cache_mib"),
        ] {
            let error = loaded(section).unwrap_err();
            assert!(error.starts_with(told), "{error}");
        }
    }

    #[test]
    fn a_password_comes_from_its_file_and_from_nowhere_else() {
        let folder = tempfile::tempdir().unwrap();
        let section = "[store]\nengine = \"postgres\"\n[store.postgres]\n\
                       url = \"postgresql://chukei@%2Frun/chukei\"\npassword_file = \"secret\"\nlease_ms = 900";
        let postgres = loaded(section).unwrap().postgres.unwrap();
        let options = || postgres.options("node-a", true, folder.path());
        assert!(options().unwrap_err().to_string().starts_with("store.postgres.password_file"));
        for wrong in ["", "\n", "one\ntwo\n", &"x".repeat(1_025)] {
            std::fs::write(folder.path().join("secret"), wrong).unwrap();
            assert!(options().is_err(), "{wrong:?}");
        }
        std::fs::write(folder.path().join("secret"), "correct horse \n").unwrap();
        let options = options().unwrap();
        assert_eq!(options.password.unwrap().as_str(), "correct horse ");
        assert_eq!((options.lease, options.connections), (Duration::from_millis(900), connections()));
        let inline = section.replace("password_file", "password");
        let told = loaded(&inline).unwrap_err();
        assert!(told.contains("unknown keys") && told.contains("password"), "{told}");
    }
}
