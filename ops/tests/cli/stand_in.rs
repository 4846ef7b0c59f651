//! A node for tests: real QUIC and real certificates, with answers that the test decides.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use chukei_ops::pki::{Pki, Validity};
use chukei_relay_client::clock::Clock;
use chukei_relay_client::connection::{CloseCode, PeerConnection};
use chukei_relay_client::endpoint::{ServerEndpoint, ServerLimits, server_endpoint};
use chukei_relay_client::session::{AcceptedRequest, accept_request};
use chukei_relay_client::tls::HopCredentials;
use chukei_wire::frame::Outcome;
use chukei_wire::header::Kind;
use chukei_wire::id::IdempotencyKey;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// What the node does with a call. One at a time, in the order of arrival.
pub(crate) trait Script: Send + 'static {
    /// Serves one call.
    fn serve(&mut self, call: StaffCall) -> impl Future<Output = ()> + Send;
}

/// A call as a script sees it.
pub(crate) struct StaffCall {
    request: AcceptedRequest,
    peer: PeerConnection,
    answered: bool,
}

impl StaffCall {
    /// What is asked.
    pub(crate) fn kind(&self) -> Kind {
        self.request.header.kind
    }

    /// The key of the act that is asked for, where the caller gave one.
    pub(crate) fn idempotency_key(&self) -> Option<IdempotencyKey> {
        self.request.header.idempotency_key
    }

    /// The next message, or `None` when the caller has said all or is gone.
    pub(crate) async fn next<T: Serialize + DeserializeOwned>(&mut self) -> Option<T> {
        self.request.recv.next_message().await.ok().flatten()
    }

    /// Answers with a message.
    pub(crate) async fn reply<T: Serialize>(&mut self, message: &T) {
        self.answer().await;
        self.request.send.write_message(message).await.unwrap();
    }

    /// Says that the answer is complete.
    pub(crate) async fn finish(mut self) {
        self.answer().await;
        let _ = self.request.send.finish().await;
        let _ = self.request.send.finished_ack().await;
    }

    /// Answers with an outer status alone.
    pub(crate) async fn end_with(mut self, outcome: Outcome) {
        self.request.end_with(outcome).await.unwrap();
        let _ = self.request.send.finished_ack().await;
    }

    /// Answers as if another request had been asked.
    pub(crate) async fn answer_another(mut self) {
        self.request.header_hash.0[0] ^= 1;
        self.request.end_with(Outcome::Answered).await.unwrap();
        let _ = self.request.send.finished_ack().await;
    }

    /// Loses the connection.
    pub(crate) fn hang_up(self) {
        self.peer.close(CloseCode::Shutdown);
    }

    async fn answer(&mut self) {
        if !std::mem::replace(&mut self.answered, true) {
            self.request.put_status(Outcome::Answered).await.unwrap();
        }
    }
}

/// The node, the staff terminal's configuration, and a folder for files.
pub(crate) struct StandIn {
    dir: tempfile::TempDir,
    runtime: tokio::runtime::Runtime,
    calls: Arc<Mutex<usize>>,
}

/// What a command printed and how it ended.
#[derive(Debug)]
pub(crate) struct Printed {
    /// Exit status.
    pub(crate) exit: i32,
    /// The one line of standard output, where `--json` was given.
    pub(crate) json: Value,
    /// Standard output.
    pub(crate) text: String,
}

impl StandIn {
    /// Starts a node that follows `script`.
    pub(crate) fn start(script: impl Script) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let now_ms = Clock::system().now_ms();
        let pki = Pki::init(&dir.path().join("pki"), now_ms).unwrap();
        let hop = pki.issue_node("node-a", &[], Validity::hop(now_ms)).unwrap();
        pki.issue_staff("982016".parse().unwrap(), "u-tax-07", Validity::hop(now_ms)).unwrap();
        let credentials = HopCredentials::load(&hop.certificate, &hop.key, &hop.authority).unwrap();
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let endpoint = runtime.block_on(async {
            let loopback = "127.0.0.1:0".parse().unwrap();
            server_endpoint(loopback, &credentials, Clock::system(), ServerLimits::default()).unwrap()
        });
        let address = endpoint.local_address().unwrap();
        let sample = include_str!("../../staff.sample.toml").replace("127.0.0.1:7401", &address.to_string());
        std::fs::write(dir.path().join("staff.toml"), sample).unwrap();
        let calls = Arc::new(Mutex::new(0));
        runtime.spawn(serve(endpoint, script, Arc::clone(&calls)));
        Self { dir, runtime, calls }
    }

    /// Stops the node; the configuration stays.
    pub(crate) fn stop(self) -> tempfile::TempDir {
        self.runtime.shutdown_background();
        self.dir
    }

    /// Calls that reached the node.
    pub(crate) fn calls(&self) -> usize {
        *self.calls.lock().unwrap()
    }

    /// Where a file of this name lies beside the configuration.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Writes a file and returns its path.
    pub(crate) fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    /// Adds lines to the terminal's configuration.
    pub(crate) fn configure(&self, lines: &str) {
        let path = self.path("staff.toml");
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(path, text + lines).unwrap();
    }

    /// Runs `chukei --json` with `args`.
    pub(crate) fn json(&self, args: &[&OsStr]) -> Printed {
        chukei(self.dir.path(), true, args)
    }

    /// Runs `chukei` for people.
    pub(crate) fn text(&self, args: &[&OsStr]) -> Printed {
        chukei(self.dir.path(), false, args)
    }
}

/// Runs the binary with the configuration in `dir`.
pub(crate) fn chukei(dir: &Path, json: bool, args: &[&OsStr]) -> Printed {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_chukei"));
    command.arg("--config").arg(dir.join("staff.toml")).args(args);
    if json {
        command.arg("--json");
    }
    let output = command.output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let value = if json {
        assert_eq!(text.matches('\n').count(), 1, "one line: {text}");
        serde_json::from_str(&text).unwrap()
    } else {
        Value::Null
    };
    Printed { exit: output.status.code().unwrap(), json: value, text }
}

async fn serve(endpoint: ServerEndpoint, mut script: impl Script, calls: Arc<Mutex<usize>>) {
    while let Some(pending) = endpoint.accept().await {
        let Ok(peer) = pending.establish().await else { continue };
        while let Ok((send, recv)) = peer.accept().await {
            let Ok(request) = accept_request(send, recv).await else { continue };
            *calls.lock().unwrap() += 1;
            script.serve(StaffCall { request, peer: peer.clone(), answered: false }).await;
        }
    }
}
