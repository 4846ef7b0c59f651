//! Signed roots over permits (R22): kept on both sides, and a broker that does not prove what it permits is stopped,
//! while another serves on (R35). Both brokers and the portal are played; the node is the real one.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use chukei_crypto::permit::{Epoch, NO_ROOT, RootHash, verify_root};
use chukei_harness::role::Role;
use chukei_relay_client::channel::Channel;
use chukei_relay_client::connection::{CloseCode, ConnectionError};
use chukei_relay_client::peers::PeerList;
use chukei_relay_client::permit::{EVIDENCE_PARTITION, Evidence, EvidenceOf};
use chukei_relay_client::session::{OpenRequest, open_request};
use chukei_store::journal::{Journal, JournalOptions};
use chukei_wire::frame::Outcome;
use chukei_wire::header::{Header, Hop};
use chukei_wire::result::ResultName;
use libtest_mimic::{Failed, Trial};

use crate::attacks::broker_loss::lay_out_second;
use crate::copy_file::{Row, TAX, file};
use crate::group::{Shared, Test, group};
use crate::hop::key_file;
use crate::played_broker::{Answer, Known, PlayedBroker};
use crate::played_permits::Deceit;
use crate::stage::{Stage, until};

const TESTS: &[Test<TwoBrokers>] = &[
    ("r22_both_sides_keep_the_signed_proof_of_every_permit", kept_on_both_sides),
    ("r22_r35_a_broker_that_does_not_prove_a_permit_is_stopped_and_another_serves_on", unproven),
    ("r22_r35_a_false_root_stops_its_broker", false_roots),
    ("r22_r35_a_permit_number_is_used_once", number_reused),
    ("r22_a_request_that_another_broker_brings_again_is_a_replay_also_after_a_restart", brought_again),
];

/// How long a broker is held off in this stage, seconds.
const HOLD_SECONDS: u32 = 2;
/// An alarm comes within this time (R35).
const ALARM_SECONDS: u64 = 5;
const BODY: &str = "982016";

pub(crate) fn trials() -> Vec<Trial> {
    group("permit_roots", TESTS)
}

/// Two played brokers at one node.
struct TwoBrokers {
    a: PlayedBroker,
    b: PlayedBroker,
    known: Known,
    stage: Stage,
    /// A stop holds a broker off, and a restart both: the tests take turns.
    turns: Mutex<()>,
}

impl Shared for TwoBrokers {
    fn set() -> Result<Self, Failed> {
        let mut second = None;
        let stage = Stage::start("permit-roots", |layout| {
            second = Some(lay_out_second(layout));
            let path = layout.config(Role::Node);
            let text = std::fs::read_to_string(&path).unwrap();
            let limits = format!("\n[limits]\nintegrity_hold_seconds = {HOLD_SECONDS}\n");
            std::fs::write(&path, text + &limits).unwrap();
        })?;
        let person = stage.persons(BODY, 1).remove(0);
        let path = stage.written("copies.csv", file(&[Row::new(BODY, &person, "one", "one")]));
        assert_eq!(stage.staff(BODY, &["copy", "import", &path]).done()["registered"], 1);
        // Through the real broker, so that it has something to prove.
        assert_eq!(stage.self_info(&person.user, BODY, &[TAX])["result"], "DONE");
        let a = PlayedBroker::take_over(&stage);
        let relay = second.expect("the layout was prepared");
        let b = stage.runtime.block_on(PlayedBroker::start(stage.layout(), "broker-b", relay));
        let known = a.known(BODY, &person);
        Ok(Self { a, b, known, stage, turns: Mutex::new(()) })
    }

    fn keep(&self) {
        self.stage.keep();
    }
}

impl TwoBrokers {
    fn turn(&self) -> MutexGuard<'_, ()> {
        self.turns.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run<T>(&self, work: impl Future<Output = T>) -> T {
        self.stage.runtime.block_on(work)
    }

    /// A channel set up through `broker`, as soon as that is not held off any more.
    fn channel(&self, broker: &PlayedBroker) -> Channel {
        until("a channel", || self.run(broker.channel(BODY)).ok())
    }

    fn ask(&self, broker: &PlayedBroker, channel: &Channel, header: &Header) -> Answer {
        let node = self.run(broker.node());
        let hash = Header::hash(&header.to_bytes().unwrap());
        let permit = Some(broker.permit(&node, hash, Some(self.known.code)));
        let sealed = PlayedBroker::sealed_request(channel, header, &self.known.bindings);
        self.run(broker.ask(channel, header, permit, sealed, &self.known.bindings))
    }

    #[track_caller]
    fn is_served(&self, broker: &PlayedBroker, channel: &Channel) {
        let answer = self.ask(broker, channel, &broker.on(channel, BODY));
        assert_eq!(answer.sealed.map(|sealed| sealed.result), Some(ResultName::Done), "{:?}", answer.outcome);
    }

    /// Permits a request and no more: it is held, so that the node does not see it end.
    fn permitted(&self, broker: &PlayedBroker, channel: &Channel, number: u64) -> OpenRequest {
        let header = broker.on(channel, BODY);
        let node = self.run(broker.node());
        let mut claims = broker.claims(Header::hash(&header.to_bytes().unwrap()), Some(self.known.code));
        claims.number = number;
        let hop =
            Hop { sender_code: None, permit: Some(PlayedBroker::authenticated(&node, claims)), leave: None };
        self.run(async {
            let mut request = open_request(&node, &header, &hop).await.unwrap();
            // Fails where the node has stopped the broker already.
            let _ = request.send.flush().await;
            request
        })
    }

    fn alarms(&self, kind: &str) -> u64 {
        self.stage.alarms(Role::Node, Some(kind))
    }

    /// Lets `deed` bring a stop of broker A for this kind of fault about: the connection is closed and the alarm is
    /// there within its time.
    fn is_stopped(&self, kind: &str, deed: impl FnOnce(&Channel)) {
        let (channel, node) = (self.channel(&self.a), self.run(self.a.node()));
        let (alarms, begun) = (self.alarms(kind), Instant::now());
        deed(&channel);
        let closed = ConnectionError::ClosedByPeer(CloseCode::IntegrityStop as u64);
        assert_eq!(self.run(node.closed()), closed, "{kind}");
        assert_eq!(self.alarms(kind), alarms + 1, "{kind}");
        assert!(begun.elapsed().as_secs() < ALARM_SECONDS, "{kind}: after {:?}", begun.elapsed());
    }
}

/// The roots of one epoch in a journal, chained and signed as they must be; the leaves under them.
fn proven(data: &Path, peers: &PeerList) -> BTreeMap<[u8; 16], Vec<u8>> {
    let (journal, _) = Journal::open(&data.join("journal"), JournalOptions::default()).unwrap();
    let mut chains: BTreeMap<[u8; 16], (RootHash, Vec<u8>)> = BTreeMap::new();
    for entry in journal.read(EVIDENCE_PARTITION, 1) {
        let evidence = Evidence::from_bytes(&entry.unwrap().sealed).unwrap();
        let EvidenceOf::Root(root) = evidence.of else { continue };
        let (previous, leaves) = chains.entry(evidence.epoch).or_insert((NO_ROOT, Vec::new()));
        assert_eq!((root.previous, root.first), (*previous, leaves.len() as u64 / 32 + 1), "a chain");
        let epoch = Epoch { broker: evidence.broker, receiver: evidence.receiver, id: evidence.epoch };
        *previous = epoch.root(&root.previous, root.first, &root.leaves).unwrap();
        leaves.extend_from_slice(&root.leaves);
        let public = &peers.broker(&epoch.broker).unwrap().permit_public.0;
        assert_eq!(verify_root(public, previous, &root.signature), Ok(()));
    }
    chains.into_iter().map(|(epoch, (_, leaves))| (epoch, leaves)).collect()
}

fn kept_on_both_sides(two: &TwoBrokers) {
    let _turn = two.turn();
    let layout = two.stage.layout();
    let clock = layout.clock();
    let [list, root] = ["peers.json", "peer-root.pub"].map(|name| key_file(layout, name));
    let peers = PeerList::load(&list, &root, clock.now_ms()).unwrap();
    two.stage.stack.stop_role(Role::Node).unwrap();
    let [broker, node, portal] =
        ["broker", "node", "portal"].map(|role| proven(&layout.dir().join(role), &peers));
    assert_eq!(broker.len(), 1, "the set-up of a channel and a request were permitted, to one node");
    for (epoch, leaves) in &broker {
        assert!(leaves.len() >= 64 && node[epoch] == *leaves, "the node has what the broker has");
    }
    assert!(portal.is_empty(), "nothing was permitted to the portal");
    two.stage.stack.start_role(Role::Node).unwrap();
    let channel = two.channel(&two.a);
    two.is_served(&two.a, &channel);
}

fn unproven(two: &TwoBrokers) {
    let _turn = two.turn();
    for deceit in [Deceit::Withheld, Deceit::LeftOut] {
        let through_b = two.channel(&two.b);
        two.is_stopped("permit_withheld", |channel| {
            two.run(two.a.node()).permits.deceive(deceit);
            two.is_served(&two.a, channel);
        });
        two.is_served(&two.b, &through_b);
    }
    // Its time over, the broker is welcome again.
    let channel = two.channel(&two.a);
    two.is_served(&two.a, &channel);
}

fn false_roots(two: &TwoBrokers) {
    let _turn = two.turn();
    for (deceit, permits, kind) in [
        (Deceit::Forged, 1, "permit_root_forged"),
        (Deceit::Forked, 1, "permit_root_forked"),
        (Deceit::Altered, 1, "permit_contradicted"),
        (Deceit::Reordered, 2, "permit_contradicted"),
        (Deceit::Gap, 2, "permit_root_gap"),
    ] {
        let mut held = Vec::new();
        two.is_stopped(kind, |channel| {
            two.run(two.a.node()).permits.deceive(deceit);
            held.extend((0..permits).map(|_| two.permitted(&two.a, channel, 0)));
        });
    }
    let channel = two.channel(&two.a);
    two.is_served(&two.a, &channel);
}

fn number_reused(two: &TwoBrokers) {
    let _turn = two.turn();
    let mut held = None;
    two.is_stopped("permit_number_reused", |channel| {
        two.is_served(&two.a, channel);
        // The set-up of the channel had it.
        held = Some(two.permitted(&two.a, channel, 1));
    });
}

fn brought_again(two: &TwoBrokers) {
    let _turn = two.turn();
    let channel = two.channel(&two.a);
    let header = two.a.on(&channel, BODY);
    let answer = two.ask(&two.a, &channel, &header);
    assert_eq!(answer.sealed.map(|sealed| sealed.result), Some(ResultName::Done));
    let replay = Outcome::Refused(ResultName::Replay);
    assert_eq!(two.ask(&two.b, &channel, &header).outcome, replay, "by a good permit of the other broker");

    let node = two.run(two.a.node());
    two.stage.stack.stop_role(Role::Node).unwrap();
    two.run(node.closed());
    two.stage.stack.start_role(Role::Node).unwrap();
    for broker in [&two.b, &two.a] {
        let channel = two.channel(broker);
        let again = Header { channel: Some(channel.id()), ..header.clone() };
        assert_eq!(
            two.ask(broker, &channel, &again).outcome,
            replay,
            "the window is rebuilt from the journal"
        );
    }
}
