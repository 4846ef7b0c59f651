//! Two brokers that show each other what they have cosigned: what a log told each of them differently is found between them
//! (R43).

use std::fs;
use std::net::SocketAddr;

use chukei_keys::{FileProvider, KeyProvider};
use chukei_node::broker::{BrokerError, run};
use chukei_node::config::broker::BrokerConfig;
use chukei_relay_client::connection::PeerConnection;
use chukei_store::journal::{Journal, JournalEntry, JournalOptions};
use chukei_wire::frame::Outcome;
use chukei_wire::header::Kind;
use chukei_wire::message::log::{LogGrown, LogHead, LogWitnessed};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::log_witness::{Log, seed, told};
use crate::stage::{NODE, Stage, about, answered, header, page_of, shows_at};

/// `broker-a` and `broker-b`, each of which dials the other.
pub(crate) struct Pair {
    pub(crate) stage: Stage,
    pub(crate) second: Second,
}

/// `broker-b`.
pub(crate) struct Second {
    pub(crate) config: BrokerConfig,
    stop: watch::Sender<bool>,
    running: JoinHandle<Result<(), BrokerError>>,
}

impl Pair {
    pub(crate) async fn set() -> Self {
        let relay = chukei_ports::free().unwrap();
        let entry =
            |name: &str, at: SocketAddr| format!("[[brokers]]\nname = \"{name}\"\naddress = \"{at}\"\n");
        let mut stage = Stage::with(&entry("broker-b", relay)).await;
        stage.keys.add_broker("broker-b");
        FileProvider::new(&stage.dir.path().join("roots"), &stage.dir.path().join("roots"))
            .make_root(&"broker-b".parse().unwrap(), 1)
            .unwrap();
        let metrics = chukei_ports::free().unwrap();
        let first = fs::read_to_string(stage.dir.path().join("broker.toml")).unwrap();
        let own = first
            .replace("broker-a", "broker-b")
            .replace("\"data\"", "\"data-b\"")
            .replace("\"permit.key\"", "\"broker-b.permit.key\"")
            .replace("\"witness.key\"", "\"broker-b.witness.key\"")
            .replace(&entry("broker-b", relay), &entry("broker-a", stage.relay()))
            .replace(&format!("relay = \"{}\"", stage.relay()), &format!("relay = \"{relay}\""))
            .replace(&format!("metrics = \"{}\"", stage.metrics), &format!("metrics = \"{metrics}\""));
        let path = stage.dir.path().join("broker-b.toml");
        fs::write(&path, own).unwrap();
        let config = BrokerConfig::load(&path).unwrap();
        let second =
            Second { config, stop: watch::channel(false).0, running: tokio::spawn(async { Ok(()) }) };
        let mut pair = Self { stage, second };
        pair.second.start().await;
        pair.linked().await;
        pair
    }

    /// Waits until both links stand.
    pub(crate) async fn linked(&self) {
        let link = |to: &str| format!("chukei_broker_links{{broker=\"{to}\",role=\"broker\"}} 1");
        self.shows([&link("broker-b"), &link("broker-a")]).await;
    }

    /// Waits until the first and the second show these lines.
    pub(crate) async fn shows(&self, [first, second]: [&str; 2]) {
        self.stage.shows("/metrics", first).await;
        shows_at(self.second.config.listen.metrics, "/metrics", second).await;
    }

    /// A node that serves the bodies, at the first.
    async fn at_first(&self) -> PeerConnection {
        self.announced(self.stage.connect(NODE).await).await
    }

    /// The same at the second.
    async fn at_second(&self) -> PeerConnection {
        let address = self.second.config.listen.relay;
        self.announced(self.stage.connect_to(NODE, "broker-b", address).await).await
    }

    async fn announced(&self, node: PeerConnection) -> PeerConnection {
        assert_eq!(self.stage.announce(&node, "node-a", 1).await, Outcome::Answered);
        node
    }
}

impl Second {
    pub(crate) async fn start(&mut self) {
        let (stop, stopped) = watch::channel(false);
        self.stop = stop;
        self.running = tokio::spawn(run(self.config.clone(), stopped));
        // The metrics endpoint opens after the relay endpoint has.
        while page_of(self.config.listen.metrics, "/healthz").await.is_none() {
            assert!(!self.running.is_finished(), "the broker has ended");
            tokio::task::yield_now().await;
        }
    }

    pub(crate) async fn stopped(&mut self) {
        self.stop.send_replace(true);
        (&mut self.running).await.unwrap().unwrap();
    }
}

/// One alarm about a log.
const ALARM: &str = r#"chukei_integrity_alarms_total{kind="log_fork",role="broker"} 1"#;

async fn cosigned(node: &PeerConnection, head: LogHead) {
    let answer = told(node, head).await;
    assert!(matches!(answer, LogWitnessed::Cosigned(_)), "{answer:?}");
}

/// The growth from `old` to `new` with the proof from `also` besides.
fn also(log: &Log, old: u64, new: u64, also: u64) -> LogHead {
    let grown = LogGrown { old_size: also, proof: log.grown(also, new).proof };
    LogHead { also: vec![grown], ..log.grown(old, new) }
}

#[tokio::test]
async fn r43_a_fork_of_which_each_broker_saw_one_side_is_an_alarm_at_both_and_at_the_node() {
    let mut pair = Pair::set().await;
    let seed = seed();
    let (log, fork) = (Log::of(&pair.stage, 0, &seed, None), Log::of(&pair.stage, 0, &seed, Some(5)));
    pair.second.stopped().await;
    let at_first = pair.at_first().await;
    cosigned(&at_first, log.grown(0, 4)).await;
    cosigned(&at_first, log.grown(4, 8)).await;
    pair.stage.stopped().await;
    pair.second.start().await;
    let at_second = pair.at_second().await;
    cosigned(&at_second, fork.grown(0, 4)).await;
    cosigned(&at_second, fork.grown(4, 8)).await;
    pair.stage.start().await;
    pair.shows([ALARM, ALARM]).await;
    let at_first = pair.at_first().await;
    assert_eq!(told(&at_first, log.grown(8, 8)).await, LogWitnessed::Fork);
    assert_eq!(told(&at_second, fork.grown(8, 8)).await, LogWitnessed::Fork);
    // Neither forgets it.
    pair.second.stopped().await;
    pair.stage.restart().await;
    pair.second.start().await;
    let (at_first, at_second) = (pair.at_first().await, pair.at_second().await);
    assert_eq!(told(&at_first, log.grown(8, 8)).await, LogWitnessed::Fork);
    assert_eq!(told(&at_second, fork.grown(8, 8)).await, LogWitnessed::Fork);
}

#[tokio::test]
async fn r43_a_fork_behind_what_one_broker_has_is_found_with_the_next_head() {
    let mut pair = Pair::set().await;
    let seed = seed();
    let (log, fork) = (Log::of(&pair.stage, 0, &seed, None), Log::of(&pair.stage, 0, &seed, Some(1)));
    pair.second.stopped().await;
    cosigned(&pair.at_first().await, log.grown(0, 8)).await;
    pair.stage.stopped().await;
    pair.second.start().await;
    let at_second = pair.at_second().await;
    cosigned(&at_second, fork.grown(0, 4)).await;
    pair.stage.start().await;
    let noted = r#"chukei_log_heads_compared_total{result="NOTED",role="broker"} 1"#;
    pair.shows([noted, noted]).await;
    let at_first = pair.at_first().await;
    assert_eq!(told(&at_first, log.grown(8, 8)).await, LogWitnessed::Behind(4));
    assert_eq!(told(&at_first, also(&log, 8, 8, 4)).await, LogWitnessed::Fork);
    // The first has answered with what it has itself.
    assert_eq!(told(&at_second, fork.grown(4, 8)).await, LogWitnessed::Fork);
    pair.shows([ALARM, ALARM]).await;
}

#[tokio::test]
async fn what_one_broker_has_cosigned_is_continued_at_the_other_before_it_cosigns_more() {
    let pair = Pair::set().await;
    let (at_first, at_second) = (pair.at_first().await, pair.at_second().await);
    let log = Log::of(&pair.stage, 0, &seed(), None);
    cosigned(&at_first, log.grown(0, 4)).await;
    cosigned(&at_second, log.grown(0, 4)).await;
    let agrees = r#"chukei_log_heads_compared_total{result="AGREES",role="broker"} "#;
    pair.shows([agrees, agrees]).await;
    cosigned(&at_second, log.grown(4, 8)).await;
    let noted = r#"chukei_log_heads_compared_total{result="NOTED",role="broker"} 1"#;
    pair.shows([noted, noted]).await;
    assert_eq!(told(&at_first, log.grown(4, 4)).await, LogWitnessed::Behind(8));
    cosigned(&at_first, log.grown(4, 8)).await;
    pair.shows([agrees, agrees]).await;
}

#[tokio::test]
async fn r43_a_log_that_the_other_broker_has_no_room_for_does_not_keep_other_logs_from_it() {
    let pair = Pair::set().await;
    let node = pair.at_first().await;
    let result = |name: &str, count: u64| {
        format!("chukei_log_heads_compared_total{{result=\"{name}\",role=\"broker\"}} {count}\n")
    };
    let [one, other] = [0, 1].map(|body| Log::of(&pair.stage, body, &seed(), None));
    // Nobody shows it to the second broker, which continues none of these heads.
    let mut size = 0;
    for noted in 1..=4 {
        let next = if size == 0 { 1 } else { size * 2 };
        cosigned(&node, one.grown(size, next)).await;
        size = next;
        pair.shows([&result("NOTED", noted), &result("NOTED", noted)]).await;
    }
    cosigned(&node, one.grown(size, size * 2)).await;
    pair.shows([&result("OVERLOADED", 1), &result("OVERLOADED", 1)]).await;
    cosigned(&node, other.grown(0, 4)).await;
    pair.shows([&result("NOTED", 5), &result("NOTED", 5)]).await;
    // And it was not shown again and again meanwhile.
    pair.shows([&result("OVERLOADED", 1), &result("OVERLOADED", 1)]).await;
    pair.stage
        .shows("/metrics", r#"chukei_log_heads_waiting_seconds{broker="broker-b",role="broker"} 0"#)
        .await;
}

/// Everything in a broker's journal of one partition.
pub(crate) fn entries(data: &std::path::Path, partition: &str) -> Vec<JournalEntry> {
    let (journal, _) = Journal::open(&data.join("journal"), JournalOptions::default()).unwrap();
    journal.read(partition, 1).map(Result::unwrap).collect()
}

#[tokio::test]
async fn r41_a_broker_that_has_lost_its_records_takes_them_back_at_their_numbers_when_it_is_told_to() {
    let mut pair = Pair::set().await;
    let (portal, node) = pair.stage.peers().await;
    let code = pair.stage.code(&portal, "portal/mynaportal", 42).await;
    let log = Log::of(&pair.stage, 0, &seed(), None);
    for size in [2, 4, 8] {
        let old = if size == 2 { 0 } else { size / 2 };
        cosigned(&node, log.grown(old, size)).await;
        let passed = answered(&portal, &node, &header(Kind::SelfInfo), &about(code)).await;
        assert_eq!(passed, Outcome::Answered);
    }
    pair.stage.stopped().await;
    let data = pair.stage.dir.path().join("data");
    let partitions = ["broker", "witness", "permits"];
    // The broker's farewell may have left something that is not copied: it is sent when it is back.
    pair.stage.start().await;
    pair.stage.shows("/metrics", "chukei_record_copies{role=\"broker\"} 1\n").await;
    pair.stage.shows("/metrics", "chukei_record_copies_behind{role=\"broker\"} 0\n").await;
    pair.stage.stopped().await;
    let before = partitions.map(|partition| entries(&data, partition));
    assert!(before.iter().all(|entries| !entries.is_empty()), "{:?}", before.each_ref().map(Vec::len));

    let lost = pair.stage.dir.path().join("lost");
    fs::rename(&data, &lost).unwrap();
    // The keyring has come back from its backup.
    fs::create_dir_all(data.join("keys")).unwrap();
    for entry in fs::read_dir(lost.join("keys")).unwrap().map(Result::unwrap) {
        fs::copy(entry.path(), data.join("keys").join(entry.file_name())).unwrap();
    }
    let refused = pair.stage.run().await.unwrap_err().to_string();
    assert!(refused.contains("--adopt-copies") && refused.contains("broker-b"), "{refused}");
    assert!(partitions.iter().all(|partition| entries(&data, partition).is_empty()), "nothing was written");
    pair.stage.adopt(true);
    pair.stage.start().await;
    pair.stage.stopped().await;
    for (partition, before) in partitions.iter().zip(&before) {
        assert!(entries(&data, partition).starts_with(before), "{partition}");
    }
    // Its memory is back with them.
    pair.stage.adopt(false);
    pair.stage.start().await;
    let node = pair.at_first().await;
    let fork = Log::of_epoch(&pair.stage, 0, &seed(), Some(1), 1);
    assert_eq!(told(&node, fork.grown(0, 4)).await, LogWitnessed::Behind(8));
}

#[tokio::test]
async fn a_broker_that_is_to_adopt_copies_and_has_nobody_to_ask_does_not_start() {
    let mut stage = Stage::set().await;
    stage.stopped().await;
    stage.adopt(true);
    assert!(stage.run().await.unwrap_err().to_string().contains("no [[brokers]]"));
    let mut pair = Pair::set().await;
    pair.second.stopped().await;
    pair.stage.stopped().await;
    pair.stage.adopt(true);
    assert!(pair.stage.run().await.unwrap_err().to_string().contains("broker-b"));
}
