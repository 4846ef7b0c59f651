//! With which engine a stack's node keeps its bodies, and a PostgreSQL server of the stack's own.

use std::fs;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use chukei_postgres_server::{Connection, PostgresServer, binaries};

use crate::error::HarnessError;
use crate::layout::Layout;
use crate::role::{ROLE_WORD, Role};

const DATABASE: &str = "chukei";
/// Owns the tables; nodes never log in as this role.
const OWNER: &str = "chukei_owner";
/// Uses them.
const NODE_ROLE: &str = "chukei_node";
/// Of a server that listens on the loopback address and ends with the stack.
const PASSWORD: &str = "fictitious-of-one-stack";

/// The engine of a stack's node.
#[derive(Clone, Copy, Default)]
pub enum Store<'a> {
    /// One SQLite file per body.
    #[default]
    Sqlite,
    /// One sled directory per body.
    Sled,
    /// Tables of this server.
    Postgres(&'a Database),
    /// One SQLite file per body, with this server for bodies that move there. What is appended to the configuration of
    /// the node is about the server.
    SqliteBeside(&'a Database),
}

impl Store<'_> {
    /// Makes it the engine of a stack that was laid out and does not run.
    pub(crate) fn configure(self, layout: &Layout) -> Result<(), HarnessError> {
        match self {
            Self::Sqlite => Ok(()),
            Self::Sled => append(&layout.config(Role::Node), "\n[store]\nengine = \"sled\"\n"),
            Self::Postgres(database) => database.configure(layout, "postgres"),
            Self::SqliteBeside(database) => database.configure(layout, "sqlite"),
        }
    }
}

fn append(path: &Path, section: &str) -> Result<(), HarnessError> {
    let text = fs::read_to_string(path).map_err(|source| HarnessError::file(path, source))?;
    fs::write(path, text + section).map_err(|source| HarnessError::file(path, source))
}

/// A PostgreSQL server with a database and roles. It ends with this value, and its data with it.
pub struct Database {
    server: PostgresServer,
}

impl Database {
    /// Whether the server's programs are installed.
    pub fn is_available() -> bool {
        binaries().is_some()
    }

    /// Starts a server.
    pub fn start() -> Result<Self, HarnessError> {
        let failed = |source| HarnessError::io("the PostgreSQL server", source);
        let server = PostgresServer::start().map_err(failed)?;
        for sql in [
            format!("CREATE ROLE {OWNER} LOGIN"),
            format!("CREATE ROLE {NODE_ROLE} LOGIN PASSWORD '{PASSWORD}'"),
            format!("CREATE DATABASE {DATABASE} OWNER {OWNER}"),
        ] {
            server.sql("postgres", &sql).map_err(failed)?;
        }
        Ok(Self { server })
    }

    /// The server itself, to be stopped and begun again.
    pub fn server(&mut self) -> &mut PostgresServer {
        &mut self.server
    }

    /// What a statement says.
    pub fn sql(&self, sql: &str) -> Result<String, HarnessError> {
        self.server.sql(DATABASE, sql).map_err(|source| HarnessError::io("the PostgreSQL server", source))
    }

    /// The node reaches the server as over a network: with TLS and a password.
    fn configure(&self, layout: &Layout, engine: &str) -> Result<(), HarnessError> {
        secret(&layout.dir().join("postgres.password"), PASSWORD)?;
        secret(&layout.dir().join("postgres-ca.pem"), self.server.authority())?;
        let url = self.server.url(NODE_ROLE, DATABASE, Connection::Loopback);
        let section = format!(
            "\n[store]\nengine = \"{engine}\"\n\n[store.postgres]\nurl = \"{url}\"\n\
             password_file = \"postgres.password\"\nauthority = \"postgres-ca.pem\"\n"
        );
        append(&layout.config(Role::Node), &section)?;
        self.migrate()
    }

    fn migrate(&self) -> Result<(), HarnessError> {
        let command = "chukei postgres migrate";
        let failed = |source| HarnessError::io(command, source);
        let exe = std::env::current_exe().map_err(failed)?;
        let output = Command::new(exe)
            .args([ROLE_WORD, "chukei", "--json", "postgres", "migrate", "--role", NODE_ROLE])
            .args(["--url", &self.server.url(OWNER, DATABASE, Connection::Socket)])
            .stdin(Stdio::null())
            .output()
            .map_err(failed)?;
        if output.status.success() {
            return Ok(());
        }
        Err(HarnessError::Command {
            command: command.into(),
            code: output.status.code(),
            stderr: String::from_utf8_lossy(&output.stdout).into_owned(),
        })
    }
}

fn secret(path: &Path, text: &str) -> Result<(), HarnessError> {
    use std::io::Write;
    let failed = |source| HarnessError::file(path, source);
    let opened = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path);
    opened.and_then(|mut file| file.write_all(text.as_bytes())).map_err(failed)
}
