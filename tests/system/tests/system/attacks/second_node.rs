//! Another node behind the same broker, which hosts one other body.

use std::fs::{self, File};
use std::net::{TcpListener, UdpSocket};
use std::process::{Child, Stdio};

use chukei_harness::role::Role;
use chukei_ops::pki::{Pki, Validity};

use super::rig::Rig;
use crate::program;

/// The body it hosts.
const OTHER: &str = "code = \"982024\"";

/// A running node. Dropped, it ends.
pub(crate) struct SecondNode(Child);

impl SecondNode {
    /// Lays it out beside the first one and starts it.
    pub(crate) fn start(rig: &Rig) -> Self {
        let dir = rig.layout().dir();
        let pki = Pki::open(&dir.join("pki")).unwrap();
        let validity = Validity::hop(rig.layout().clock().now_ms());
        pki.issue_node("node-b", &["127.0.0.1".parse().unwrap()], validity).unwrap();
        let config = dir.join("node-b.toml");
        fs::write(&config, configuration(rig)).unwrap();
        let log = File::create(dir.join("node-b.log")).unwrap();
        let mut command = program::command("node");
        command.args(["serve", "--config"]).arg(config).stdout(Stdio::null()).stderr(log);
        Self(command.spawn().unwrap())
    }
}

/// The first node's configuration with another name, other addresses and one body.
fn configuration(rig: &Rig) -> String {
    let first = fs::read_to_string(rig.layout().config(Role::Node)).unwrap();
    let mut parts = first.split("[[bodies]]");
    let head = parts.next().unwrap().replace("node-a", "node-b").replace("\"node\"", "\"node-b\"");
    let head = head.replace("epochs = \"keys\"", "epochs = \"keys-b\"");
    let body = parts.find(|body| body.contains(OTHER)).unwrap();
    let staff = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let metrics = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let address = |line: &str| {
        if line.starts_with("staff = ") {
            format!("staff = \"{staff}\"\n")
        } else if line.starts_with("metrics = ") {
            format!("metrics = \"{metrics}\"\n")
        } else {
            format!("{line}\n")
        }
    };
    let head: String = head.lines().map(address).collect();
    format!("{head}[[bodies]]{body}")
}

impl Drop for SecondNode {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
