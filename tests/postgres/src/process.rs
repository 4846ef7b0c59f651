//! One server: begun, spoken to, killed, begun again.

use std::fmt::Write as _;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use std::{fs, io};

use rustix::process::{Pid, Signal, kill_process};

use crate::binaries::binaries;
use crate::certificates;
use crate::cleanup::Cleanup;
use crate::template;

/// The cluster's superuser; over the Unix socket nobody is asked for a password.
pub const SUPERUSER: &str = "postgres";
/// The user and group `nobody`, by number: a server refuses to run as root.
pub(crate) const NOBODY: u32 = 65_534;
const START_WITHIN: Duration = Duration::from_secs(30);
const STOP_WITHIN: Duration = Duration::from_secs(30);

/// Names the process that serves a cluster; what starts a machine's services removes it after a power cut, as a server
/// does not begin beside one that is empty or names a process that is there.
const LOCK_FILE: &str = "postmaster.pid";

/// Who asks for what is only on this machine.
const HBA: &str = "local all all trust
local replication all trust
host all all 127.0.0.0/8 scram-sha-256
";

/// How a client reaches a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Connection {
    /// Over the Unix socket.
    Socket,
    /// Over the loopback address, with or without TLS; the role needs a password.
    Loopback,
}

/// A running server, stopped and removed when it is dropped or the process ends.
pub struct PostgresServer {
    pub(crate) folder: PathBuf,
    pub(crate) programs: PathBuf,
    data: PathBuf,
    settings: Vec<String>,
    port: u16,
    authority: String,
    server: Option<Child>,
    _cleanup: Cleanup,
}

impl PostgresServer {
    /// A new cluster, serving when this returns.
    pub fn start() -> io::Result<Self> {
        Self::start_in(&std::env::temp_dir())
    }

    /// A new cluster in a folder of its own in this one, which the server's user must be able to pass through.
    pub fn start_in(parent: &Path) -> io::Result<Self> {
        let mut server = Self::prepare(parent)?;
        let data = server.data();
        run(server.program("cp").args(["-a", "--reflink=auto"]).arg(template::data()?).arg(data))?;
        server.begin()?;
        Ok(server)
    }

    /// A new cluster in the folder `data`, begun with further options of `initdb`, and a server on it with further
    /// settings, each `name=value`. It is left where it is afterwards.
    pub fn create_in(data: &Path, options: &[&str], settings: &[&str]) -> io::Result<Self> {
        let mut server = Self::prepare_in(data, settings)?;
        server.initialise(options)?;
        server.begin()?;
        Ok(server)
    }

    /// A server on the cluster that lies in the folder `data`, which it may have to recover first. A lock file there
    /// must be that of a server which is no more.
    pub fn resume_in(data: &Path, settings: &[&str]) -> io::Result<Self> {
        let mut server = Self::prepare_in(data, settings)?;
        fs::set_permissions(data, fs::Permissions::from_mode(0o700))?;
        match fs::remove_file(data.join(LOCK_FILE)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => server.begin()?,
        }
        Ok(server)
    }

    fn prepare_in(data: &Path, settings: &[&str]) -> io::Result<Self> {
        if runs_as_root() {
            run(Command::new("chown").args(["-R", &format!("{NOBODY}:{NOBODY}")]).arg(data))?;
        }
        let mut server = Self::prepare_with(&std::env::temp_dir(), Some(data))?;
        server.settings = settings.iter().map(|setting| (*setting).to_owned()).collect();
        Ok(server)
    }

    /// A new cluster's data, which no server has served yet.
    pub(crate) fn initialise(&self, options: &[&str]) -> io::Result<()> {
        let mut initdb = self.program("initdb");
        initdb.args(["--username", SUPERUSER, "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"]);
        run(initdb.args(options).arg("--pgdata").arg(self.data()))?;
        fs::write(self.data().join("pg_hba.conf"), HBA)
    }

    /// A folder for a cluster in this one, with certificates and without data.
    pub(crate) fn prepare(parent: &Path) -> io::Result<Self> {
        Self::prepare_with(parent, None)
    }

    /// With a cluster elsewhere, or in the new folder.
    fn prepare_with(parent: &Path, data: Option<&Path>) -> io::Result<Self> {
        let programs = binaries().ok_or_else(|| io::Error::other("PostgreSQL is not installed"))?;
        let folder = tempfile::Builder::new().prefix("chukei-pg").tempdir_in(parent)?.keep();
        let data = data.map_or_else(|| folder.join("data"), Path::to_owned);
        let cleanup = Cleanup::of(&folder, &data)?;
        let authority = certificates::write(&folder)?;
        let key = folder.join("server.key");
        fs::set_permissions(&key, fs::Permissions::from_mode(0o600))?;
        if runs_as_root() {
            for path in [&folder, &key] {
                chown(path, Some(NOBODY), Some(NOBODY))?;
            }
        }
        let port = chukei_ports::free()?.port();
        let settings = Vec::new();
        Ok(Self { folder, programs, data, settings, port, authority, server: None, _cleanup: cleanup })
    }

    /// Starts the server on its folder, after a kill too, and waits until it answers.
    pub fn begin(&mut self) -> io::Result<()> {
        let log = fs::OpenOptions::new().create(true).append(true).open(self.folder.join("server.log"))?;
        let mut server = self.program("postgres");
        server.arg("-D").arg(self.data()).arg("-k").arg(&self.folder);
        for setting in [
            "listen_addresses=127.0.0.1".to_owned(),
            format!("port={}", self.port),
            "ssl=on".to_owned(),
            format!("ssl_cert_file={}", self.folder.join("server.crt").display()),
            format!("ssl_key_file={}", self.folder.join("server.key").display()),
            "max_connections=200".to_owned(),
            "shared_buffers=128MB".to_owned(),
            "wal_level=replica".to_owned(),
            "hot_standby=on".to_owned(),
        ] {
            server.arg("-c").arg(setting);
        }
        for setting in &self.settings {
            server.arg("-c").arg(setting);
        }
        server.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).process_group(0);
        self.server = Some(server.spawn()?);
        let until = Instant::now() + START_WITHIN;
        while self.sql("postgres", "SELECT 1").is_err() {
            let ended = self.server.as_mut().is_some_and(|server| !matches!(server.try_wait(), Ok(None)));
            if ended || Instant::now() > until {
                return Err(io::Error::other(format!("the server did not start: {}", self.log_tail())));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    /// Ends the server as a crash of the whole machine would look to its clients: no connection is told, nothing is
    /// written any more. [`PostgresServer::begin`] recovers it.
    pub fn crash(&mut self) -> io::Result<()> {
        self.stop(Signal::QUIT)
    }

    /// Whether the server has ended by itself.
    pub fn has_ended(&mut self) -> io::Result<bool> {
        Ok(match &mut self.server {
            Some(server) => server.try_wait()?.is_some(),
            None => true,
        })
    }

    /// Stops the server in order; sessions are closed.
    pub fn shut_down(&mut self) -> io::Result<()> {
        self.stop(Signal::INT)
    }

    /// Lets the server do nothing any more, as a machine that hangs; [`PostgresServer::thaw`] lets it go on.
    pub fn freeze(&self) -> io::Result<()> {
        self.signal_all(Signal::STOP)
    }

    /// Lets a frozen server go on.
    pub fn thaw(&self) -> io::Result<()> {
        self.signal_all(Signal::CONT)
    }

    /// The processes of the server, one for each connection and its own; none where it does not run.
    pub fn processes(&self) -> io::Result<Vec<u32>> {
        let Some(server) = &self.server else { return Ok(Vec::new()) };
        let children = fs::read_to_string(format!("/proc/{0}/task/{0}/children", server.id()))?;
        Ok(children.split_whitespace().filter_map(|id| id.parse().ok()).chain([server.id()]).collect())
    }

    fn signal_all(&self, signal: Signal) -> io::Result<()> {
        for id in self.processes()?.into_iter().filter_map(|id| Pid::from_raw(id as i32)) {
            match kill_process(id, signal) {
                // A child that ended in between.
                Ok(()) | Err(rustix::io::Errno::SRCH) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    fn stop(&mut self, signal: Signal) -> io::Result<()> {
        let Some(mut server) = self.server.take() else { return Ok(()) };
        if let Some(id) = Pid::from_raw(server.id() as i32) {
            kill_process(id, signal)?;
        }
        let until = Instant::now() + STOP_WITHIN;
        while server.try_wait()?.is_none() {
            if Instant::now() > until {
                server.kill()?;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }

    /// Runs SQL as the superuser; gives what it printed, unaligned and without headers.
    pub fn sql(&self, database: &str, sql: &str) -> io::Result<String> {
        let mut psql = self.program("psql");
        psql.args([
            "-X",
            "-q",
            "-A",
            "-t",
            "-v",
            "ON_ERROR_STOP=1",
            "-U",
            SUPERUSER,
            "-d",
            database,
            "-c",
            sql,
        ]);
        psql.arg("-h").arg(&self.folder).arg("-p").arg(self.port.to_string());
        let output = psql.stdin(Stdio::null()).output()?;
        if !output.status.success() {
            return Err(io::Error::other(String::from_utf8_lossy(&output.stderr).trim().to_owned()));
        }
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    /// The connection string of a role, without a password.
    pub fn url(&self, role: &str, database: &str, over: Connection) -> String {
        Self::url_of(&[self], role, database, over)
    }

    /// The connection string that names several servers, in order.
    pub fn url_of(servers: &[&Self], role: &str, database: &str, over: Connection) -> String {
        let mut hosts = String::new();
        for server in servers {
            let comma = if hosts.is_empty() { "" } else { "," };
            let host = match over {
                Connection::Socket => server.folder.display().to_string().replace('/', "%2F"),
                Connection::Loopback => "127.0.0.1".to_owned(),
            };
            let _ = write!(hosts, "{comma}{host}:{}", server.port);
        }
        format!("postgresql://{role}@{hosts}/{database}")
    }

    /// The authority that signed the server's certificate, PEM.
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// All that the server had to say.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.join("server.log")).unwrap_or_default()
    }

    /// The last of what the server had to say.
    pub fn log_tail(&self) -> String {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        lines.iter().skip(lines.len().saturating_sub(20)).copied().collect::<Vec<_>>().join("\n")
    }

    /// The folder of its data, its write-ahead log included.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// Its port on the loopback address.
    pub fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// A program of the server, or of the system where the server has none of this name, run as the user that the server runs as.
    pub(crate) fn program(&self, name: &str) -> Command {
        let program = self.programs.join(name);
        let mut command = Command::new(if program.exists() { program } else { PathBuf::from(name) });
        if runs_as_root() {
            command.uid(NOBODY).gid(NOBODY);
        }
        command.current_dir("/").env("HOME", &self.folder).env("LC_ALL", "C").env_remove("PGHOST");
        command
    }
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        let _ = self.thaw();
        let _ = self.stop(Signal::QUIT);
    }
}

pub(crate) fn run(command: &mut Command) -> io::Result<()> {
    let output = command.stdin(Stdio::null()).output()?;
    if output.status.success() {
        return Ok(());
    }
    Err(io::Error::other(String::from_utf8_lossy(&output.stderr).trim().to_owned()))
}

fn runs_as_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}
