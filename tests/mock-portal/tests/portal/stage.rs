//! A folder with keys and configuration, the portal's process in it, and the broker it dials.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use chukei_mock_portal::client::Client;
use chukei_ops::pki::{BodyPaths, BrokerPaths, PeersPaths, Pki, PortalPaths, Validity};
use chukei_relay_client::clock::Clock;
use chukei_wire::body_code::BodyCode;
use tempfile::TempDir;

use crate::broker::Broker;

pub(crate) const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
pub(crate) const PORTAL: &str = "mynaportal";
const PROGRAM: &str = env!("CARGO_BIN_EXE_chukei-mock-portal");
/// Far enough away that only a fault reaches it.
pub(crate) const LONG: Duration = Duration::from_secs(60);

pub(crate) fn body(code: &str) -> BodyCode {
    code.parse().unwrap()
}

/// Keys of everybody, in a folder of its own.
pub(crate) struct Keys {
    pub(crate) broker: BrokerPaths,
    pub(crate) portal: PortalPaths,
    pub(crate) bodies: [(BodyCode, BodyPaths); 2],
    pub(crate) peers: PeersPaths,
}

impl Keys {
    fn issue(folder: &Path) -> Self {
        let now_ms = Clock::system().now_ms();
        let pki = Pki::init(&folder.join("pki"), now_ms).unwrap();
        // As long as the certificates: the portal's clock is moved by weeks.
        pki.write_crl(Validity::hop(now_ms)).unwrap();
        let bodies = [("982016", "海鳴市"), ("982024", "葉風市")]
            .map(|(code, name)| (body(code), pki.issue_body(body(code), name).unwrap()));
        Self {
            broker: pki.issue_broker("broker-a", &[LOOPBACK], Validity::hop(now_ms)).unwrap(),
            portal: pki.issue_portal(PORTAL, &[LOOPBACK], Validity::hop(now_ms)).unwrap(),
            bodies,
            peers: pki.write_peers(Validity::peers(now_ms)).unwrap(),
        }
    }
}

/// The whole stage. Dropped, the portal is killed.
pub(crate) struct Stage {
    pub(crate) folder: TempDir,
    pub(crate) keys: Keys,
    pub(crate) broker: Broker,
    metrics: SocketAddr,
    process: Option<Child>,
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Stage {
    /// A portal that is connected to its broker.
    pub(crate) async fn set() -> Self {
        Self::with_deadline(20_000).await
    }

    /// The same, with this time for a self-information request, milliseconds.
    pub(crate) async fn with_deadline(deadline_ms: u32) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let keys = Keys::issue(folder.path());
        let broker = Broker::listen(&keys);
        let metrics = chukei_ports::free().unwrap();
        let mut stage = Self { folder, keys, broker, metrics, process: None };
        stage.configure(deadline_ms);
        stage.start().await;
        stage
    }

    fn configure(&self, deadline_ms: u32) {
        let sample = include_str!("../../portal.sample.toml");
        let text = sample
            .replace("127.0.0.1:7301", &self.broker.address().to_string())
            .replace("127.0.0.1:7502", &self.metrics.to_string())
            .replace("deadline_ms = 20000", &format!("deadline_ms = {deadline_ms}"));
        std::fs::write(self.config(), text).unwrap();
        assert!(self.keys.portal.root_key.ends_with("pki/roots/mynaportal.root-1.key"));
    }

    pub(crate) fn config(&self) -> PathBuf {
        self.folder.path().join("portal.toml")
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.folder.path().join("portal.sock")
    }

    /// Starts the process and waits until it takes calls and is ready.
    pub(crate) async fn start(&mut self) {
        let log = std::fs::File::options().create(true).append(true).open(self.folder.path().join("log"));
        let mut command = Command::new(PROGRAM);
        command.arg("--config").arg(self.config()).arg("serve").stdin(Stdio::null()).stderr(log.unwrap());
        self.process = Some(command.spawn().unwrap());
        self.broker.connected().await;
        // The socket listens before the page of readiness does.
        until(|| async { self.asked("/readyz").is_ok_and(|page| page.starts_with("HTTP/1.1 200")) }).await;
        until(|| async { Client::connect(&self.socket()).await.is_ok() }).await;
    }

    /// kill -9.
    pub(crate) fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }

    /// Sends SIGTERM.
    pub(crate) fn terminate(&self) {
        let id = self.process.as_ref().unwrap().id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
    }

    /// Waits for the end of the process: its exit status.
    pub(crate) fn ended(&mut self) -> Option<i32> {
        self.process.take().unwrap().wait().unwrap().code()
    }

    pub(crate) async fn client(&self) -> Client {
        Client::connect(&self.socket()).await.unwrap()
    }

    /// A one-shot command with `--json`: exit status and what stood on standard output.
    pub(crate) async fn command(&self, arguments: &[&str]) -> (i32, String) {
        let mut command = Command::new(PROGRAM);
        command.arg("--config").arg(self.config()).arg("--json").args(arguments).stdin(Stdio::null());
        let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        let Output { status, stdout, .. } = output;
        (status.code().unwrap(), String::from_utf8(stdout).unwrap())
    }

    /// Moves the clock of the portal forward by `days`; returns once the portal has seen it.
    pub(crate) async fn forward(&self, days: u32) {
        let before = self.metric("chukei_portal_day_keys_destroyed_total");
        std::fs::write(self.folder.path().join("clock"), format!("+{days}d")).unwrap();
        until(|| async { self.metric("chukei_portal_day_keys_destroyed_total") > before }).await;
    }

    /// The value of a metric, summed over its labels that contain `name`.
    pub(crate) fn metric(&self, name: &str) -> f64 {
        let page = self.page("/metrics");
        let lines = page.lines().filter(|line| line.starts_with(name));
        lines.map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap()).sum()
    }

    /// A page of the metrics endpoint, with its status line.
    pub(crate) fn page(&self, path: &str) -> String {
        self.asked(path).unwrap()
    }

    /// The same of a portal that may not listen yet.
    fn asked(&self, path: &str) -> std::io::Result<String> {
        use std::io::{Read, Write};
        let mut stream = std::net::TcpStream::connect(self.metrics)?;
        write!(stream, "GET {path} HTTP/1.1\r\nHost: portal\r\nConnection: close\r\n\r\n")?;
        let mut page = String::new();
        stream.read_to_string(&mut page)?;
        Ok(page)
    }

    /// New persons of `body`: user id, addressee number and acquisition number of each.
    pub(crate) async fn persons(&self, code: &str, count: u64) -> Vec<Person> {
        let client = self.client().await;
        let mut rows = Vec::new();
        let added = client.add_persons(code, count, |some| {
            rows.extend(some);
            Ok(())
        });
        added.await.unwrap();
        let listed = client.persons(code).await.unwrap();
        let own = |number: &str| {
            listed.iter().find(|entry| entry.integrated_addressee_number == number).unwrap().person.clone()
        };
        rows.iter()
            .map(|row| Person {
                id: own(&row.integrated_addressee_number),
                addressee: row.integrated_addressee_number.clone(),
                number: row.acquisition_number.clone(),
            })
            .collect()
    }
}

/// A person of the registry.
#[derive(Clone)]
pub(crate) struct Person {
    pub(crate) id: String,
    pub(crate) addressee: String,
    pub(crate) number: String,
}

/// Waits for something that must come; a fault is caught by the limit.
pub(crate) async fn until<F: Future<Output = bool>>(mut ask: impl FnMut() -> F) {
    let limit = tokio::time::Instant::now() + LONG;
    while !ask().await {
        assert!(tokio::time::Instant::now() < limit, "it never came");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
