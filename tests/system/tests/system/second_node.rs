//! Another node behind the same broker.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Stdio};

use chukei_harness::layout::Layout;
use chukei_harness::role::Role;
use chukei_ops::pki::{Pki, Validity};

use crate::program;

/// The body that a node of one body hosts.
const ONE_BODY: &str = "code = \"982024\"";
const NAME: &str = "node-b";

/// A running node. Dropped, it ends.
pub(crate) struct SecondNode {
    process: Child,
    staff: SocketAddr,
    /// Where it shows whether it is ready.
    pub(crate) metrics: SocketAddr,
}

impl SecondNode {
    /// One that hosts one other body, with keys of its own.
    pub(crate) fn of_another_body(layout: &Layout) -> Self {
        Self::start(layout, |first| {
            let mut parts = first.split("[[bodies]]");
            let head = parts.next().unwrap().replace("epochs = \"keys\"", "epochs = \"keys-b\"");
            let body = parts.find(|body| body.contains(ONE_BODY)).unwrap();
            format!("{head}[[bodies]]{body}")
        })
    }

    /// Lays it out beside the first one and starts it. `change` makes its configuration out of the first one's, in
    /// which names, addresses and the data folder are replaced already.
    pub(crate) fn start(layout: &Layout, change: impl FnOnce(String) -> String) -> Self {
        let dir = layout.dir();
        let pki = Pki::open(&dir.join("pki")).unwrap();
        let validity = Validity::hop(layout.clock().now_ms());
        pki.issue_node(NAME, &["127.0.0.1".parse().unwrap()], validity).unwrap();
        let staff = chukei_ports::free().unwrap();
        let metrics = chukei_ports::free().unwrap();
        let first = fs::read_to_string(layout.config(Role::Node)).unwrap();
        let renamed = first.replace("node-a", NAME).replace("\"node\"", "\"node-b\"");
        let line = |line: &str| match line.split(" = ").next() {
            Some("staff") => format!("staff = \"{staff}\"\n"),
            Some("metrics") => format!("metrics = \"{metrics}\"\n"),
            _ => format!("{line}\n"),
        };
        let config = dir.join("node-b.toml");
        fs::write(&config, change(renamed.lines().map(line).collect())).unwrap();
        let log = File::create(dir.join("node-b.log")).unwrap();
        let mut command = program::command("node");
        command.args(["serve", "--config"]).arg(config).stdout(Stdio::null()).stderr(log);
        Self { process: command.spawn().unwrap(), staff, metrics }
    }

    /// The configuration of a terminal of the body's staff that dials this node.
    pub(crate) fn staff_config(&self, layout: &Layout, body: &str) -> PathBuf {
        let text = fs::read_to_string(layout.staff_config(body)).unwrap();
        let (head, _) = text.split_once("[node]").unwrap();
        let path = layout.dir().join(format!("staff-{body}-b.toml"));
        fs::write(&path, format!("{head}[node]\nname = \"{NAME}\"\naddress = \"{}\"\n", self.staff)).unwrap();
        path
    }

    /// Ends it as a power cut would.
    pub(crate) fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

impl Drop for SecondNode {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
