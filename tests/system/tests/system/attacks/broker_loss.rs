//! Two brokers, of which one is lost under load: requests go on.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::process::{Child, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Instant;

use chukei_harness::layout::Layout;
use chukei_harness::role::Role;
use chukei_node::config::broker::BrokerConfig;
use chukei_ops::pki::{Pki, Validity};
use chukei_relay_client::clock::Clock;
use libtest_mimic::{Failed, Trial};

use super::rig::{BODY, ask};
use crate::group::{Shared, group};
use crate::notice_file::notice;
use crate::person::Person;
use crate::program;
use crate::stage::{Stage, until};

/// The group.
pub(super) fn trials() -> Vec<Trial> {
    group::<TwoBrokers>("broker_loss", &[("r41_requests_go_on_when_a_broker_is_lost", lost_under_load)])
}

/// Persons that ask, each one request after the other.
const ASKING: usize = 6;
/// Answers before the broker is lost, and after.
const ANSWERS: usize = 300;

/// A stage with a second broker, which nobody restarts.
struct TwoBrokers {
    stage: Stage,
    second: Second,
}

/// The second broker's process.
pub(crate) struct Second(Mutex<Child>);

impl Second {
    pub(crate) fn start(layout: &Layout) -> Self {
        Self(Mutex::new(Self::spawn(layout)))
    }

    fn spawn(layout: &Layout) -> Child {
        let log = File::options().create(true).append(true).open(layout.dir().join("broker-b.log")).unwrap();
        let mut command = program::command("broker");
        command.args(["broker", "--config"]).arg(layout.dir().join("broker-b.toml"));
        command.stdout(Stdio::null()).stderr(log).spawn().unwrap()
    }

    /// Starts it again once it was killed.
    pub(crate) fn start_again(&self, layout: &Layout) {
        *self.0.lock().unwrap() = Self::spawn(layout);
    }

    /// Ends it as a power cut would.
    pub(crate) fn kill(&self) {
        let mut child = self.0.lock().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }
}

impl Drop for Second {
    fn drop(&mut self) {
        let child = self.0.get_mut().unwrap();
        // It may have been killed before.
        let _ = child.kill();
        let _ = child.wait();
    }
}

impl Shared for TwoBrokers {
    fn set() -> Result<Self, Failed> {
        let mut second = None;
        let stage = Stage::start("two-brokers", |layout| {
            lay_out_linked(layout);
            second = Some(Second::start(layout));
        })?;
        let second = second.expect("the layout was prepared");
        let both = Self { stage, second };
        both.until_connected_to(2);
        Ok(both)
    }

    fn keep(&self) {
        self.stage.keep();
    }
}

impl TwoBrokers {
    /// Waits until node and portal are connected to so many brokers.
    fn until_connected_to(&self, brokers: u64) {
        let connected = |role, metric| self.stage.counted(role, metric, "") == brokers;
        until("connections to every broker", || {
            let node = connected(Role::Node, "chukei_connections{peer=\"broker\"");
            (node && connected(Role::Portal, "chukei_broker_connected{")).then_some(())
        });
    }
}

/// A second broker beside the first: keys of its own, the shared secrets, other ports. Where it is to relay.
pub(crate) fn lay_out_second(layout: &Layout) -> SocketAddr {
    let pki = Pki::open(&layout.dir().join("pki")).unwrap();
    let now_ms = Clock::system().now_ms();
    pki.issue_broker("broker-b", &["127.0.0.1".parse().unwrap()], Validity::hop(now_ms)).unwrap();
    pki.write_peers(Validity::peers(now_ms)).unwrap();
    let relay = chukei_ports::free().unwrap();
    let metrics = chukei_ports::free().unwrap();
    let first = fs::read_to_string(layout.config(Role::Broker)).unwrap();
    let second = first.replace("broker-a", "broker-b").replace("\"broker\"", "\"broker-b\"");
    let second = with_address(&with_address(&second, "relay", relay), "metrics", metrics);
    fs::write(layout.dir().join("broker-b.toml"), second).unwrap();
    for role in [Role::Node, Role::Portal] {
        let path = layout.config(role);
        let text = fs::read_to_string(&path).unwrap();
        let entry = format!("[[brokers]]\nname = \"broker-b\"\naddress = \"{relay}\"\n\n[[brokers]]");
        fs::write(&path, text.replace("[[brokers]]", &entry)).unwrap();
    }
    relay
}

/// The same, and each dials the other.
pub(crate) fn lay_out_linked(layout: &Layout) {
    let relay = lay_out_second(layout);
    let own = BrokerConfig::load(&layout.config(Role::Broker)).unwrap().listen.relay;
    let second = layout.dir().join("broker-b.toml");
    for (path, name, at) in [(second, "broker-a", own), (layout.config(Role::Broker), "broker-b", relay)] {
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, format!("{text}\n[[brokers]]\nname = \"{name}\"\naddress = \"{at}\"\n")).unwrap();
    }
}

/// `text` with another address at `key`.
fn with_address(text: &str, key: &str, address: SocketAddr) -> String {
    let line = |line: &str| {
        if line.starts_with(&format!("{key} = ")) {
            format!("{key} = \"{address}\"\n")
        } else {
            format!("{line}\n")
        }
    };
    text.lines().map(line).collect()
}

fn lost_under_load(both: &TwoBrokers) {
    let stage = &both.stage;
    let persons = stage.known_persons(BODY, ASKING);
    let (answers, over) = (AtomicUsize::new(0), AtomicBool::new(false));
    let client = stage.client();
    std::thread::scope(|scope| {
        let go_on = || !over.load(Ordering::Relaxed);
        let asking: Vec<_> = persons
            .iter()
            .map(|known| {
                let (client, answers) = (client.clone(), &answers);
                scope.spawn(move || {
                    let mut slowest = std::time::Duration::ZERO;
                    while go_on() {
                        let begun = Instant::now();
                        let answer = stage.runtime.block_on(ask(&client, known));
                        assert_eq!(
                            answer.as_deref(),
                            Ok(known.value.as_str()),
                            "after {:?}",
                            begun.elapsed()
                        );
                        slowest = slowest.max(begun.elapsed());
                        answers.fetch_add(1, Ordering::Relaxed);
                    }
                    slowest
                })
            })
            .collect();
        let enough = |count| {
            (answers.load(Ordering::Relaxed) >= count || asking.iter().any(|a| a.is_finished())).then_some(())
        };
        until("answers through two brokers", || enough(ANSWERS));
        both.second.kill();
        let before = answers.load(Ordering::Relaxed);
        both.until_connected_to(1);
        until("answers through the one that is left", || enough(before + ANSWERS));
        over.store(true, Ordering::Relaxed);
        let slowest = asking.into_iter().map(|asking| asking.join().unwrap()).max().unwrap();
        eprintln!("{} answers, the slowest after {slowest:?}", answers.load(Ordering::Relaxed));
    });
    let targets: Vec<&Person> = persons.iter().map(|known| &known.person).collect();
    let notice = stage.send(BODY, &notice("n-one-broker", &targets));
    for known in &persons {
        until("the notice", || (stage.notices(known) == [notice.clone()]).then_some(()));
    }
}
