//! The broker as a witness, over real connections: a node shows its bodies' heads and gets cosignatures, and no fork passes,
//! also not after a restart.

use std::collections::BTreeMap;

use chukei_crypto::sign::SigningKey;
use chukei_crypto::tlog::{
    Checkpoint, Hash, HashSource, LogSigner, Proof, Signature, SignedCheckpoint, Standing, Subtree, TreeHead,
    leaf_hash, node_hash, prove_consistency,
};
use chukei_relay_client::clock::Clock;
use chukei_relay_client::connection::PeerConnection;
use chukei_relay_client::log_key::{LogKey, LogOrigin};
use chukei_relay_client::log_witness::{NotWitnessed, log_head, show_heads};
use chukei_relay_client::peers::PeerList;
use chukei_relay_client::session::open_request;
use chukei_store::journal::{Journal, JournalOptions};
use chukei_wire::frame::Outcome;
use chukei_wire::header::{Hop, Kind};
use chukei_wire::message::control::TimeReply;
use chukei_wire::message::log::{LogHead, LogWitnessed};
use chukei_wire::result::ResultName;

use crate::keys::BODIES;
use crate::stage::{NODE, PORTAL, Stage, header};

/// The log of a body, played.
pub(crate) struct Log {
    pub(crate) key: LogKey,
    pub(crate) origin: LogOrigin,
    signer: LogSigner,
    leaves: Leaves,
}

/// Hashes of leaves; of a subtree, that of its leaves.
#[derive(Clone)]
struct Leaves(Vec<Hash>);

impl HashSource for Leaves {
    type Error = std::convert::Infallible;

    fn hash(&mut self, subtree: Subtree) -> Result<Hash, Self::Error> {
        let leaves = 1 << subtree.level();
        let mut level: Vec<Hash> = self.0.chunks(leaves).nth(subtree.index() as usize).unwrap().to_vec();
        while level.len() > 1 {
            level = level.chunks(2).map(|pair| node_hash(&pair[0], &pair[1])).collect();
        }
        Ok(level[0])
    }
}

impl Log {
    /// The log of the body at this place of the stage, of sixteen leaves of which the one at `other` may differ.
    pub(crate) fn of(stage: &Stage, body: usize, seed: &[u8], other: Option<usize>) -> Self {
        Self::of_epoch(stage, body, seed, other, 1)
    }

    /// The same in another epoch.
    pub(crate) fn of_epoch(
        stage: &Stage,
        body: usize,
        seed: &[u8],
        other: Option<usize>,
        epoch: u64,
    ) -> Self {
        let origin = LogOrigin { body: BODIES[body].parse().unwrap(), epoch };
        let key = SigningKey::from_pkcs8(seed).unwrap();
        let certified = LogKey::certify(origin.body, key.public(), &stage.keys.bodies[body]).unwrap();
        let leaf = |place: usize| leaf_hash(&[u8::from(Some(place) == other), place as u8]);
        let signer = LogSigner::new(&origin.to_string(), key).unwrap();
        Self { key: certified, origin, signer, leaves: Leaves((0..16).map(leaf).collect()) }
    }

    /// The checkpoint of a size that is a power of two, or nothing.
    pub(crate) fn checkpoint(&self, size: u64) -> SignedCheckpoint {
        let root = if size == 0 {
            TreeHead::EMPTY.root
        } else {
            let whole = Subtree::new(size.trailing_zeros() as u8, 0).unwrap();
            self.leaves.clone().hash(whole).unwrap()
        };
        let head = TreeHead { size, root };
        self.signer.sign(Checkpoint::new(&self.origin.to_string(), head, Vec::new()).unwrap()).unwrap()
    }

    pub(crate) fn grown(&self, old: u64, new: u64) -> LogHead {
        let proof = prove_consistency(&mut self.leaves.clone(), old, new).unwrap();
        log_head(&self.key, old, &proof, &self.checkpoint(new))
    }

    /// The size, and no proof: what a log shows that was set back.
    fn set_back(&self, old: u64, new: u64) -> LogHead {
        log_head(&self.key, old, &Proof::default(), &self.checkpoint(new))
    }
}

pub(crate) fn seed() -> Vec<u8> {
    SigningKey::generate().unwrap().to_vec()
}

pub(crate) async fn show(node: &PeerConnection, heads: &[LogHead]) -> Vec<LogWitnessed> {
    let mut answers = BTreeMap::new();
    let shown = show_heads(node, Clock::system().now_ms(), heads, |place, answer| {
        answers.insert(place, answer);
    });
    shown.await.unwrap();
    assert_eq!(answers.len(), heads.len());
    answers.into_values().collect()
}

pub(crate) async fn told(node: &PeerConnection, head: LogHead) -> LogWitnessed {
    show(node, &[head]).await.remove(0)
}

/// A node that serves the bodies.
async fn node(stage: &Stage) -> PeerConnection {
    let node = stage.connect(NODE).await;
    assert_eq!(stage.announce(&node, "node-a", 1).await, Outcome::Answered);
    node
}

#[tokio::test]
async fn heads_of_its_bodies_are_cosigned_for_a_node_and_count_for_whoever_pins_the_list() {
    let stage = Stage::set().await;
    let node = node(&stage).await;
    let [one, other] = [0, 1].map(|body| Log::of(&stage, body, &seed(), None));
    let heads = [one.grown(0, 2), other.grown(0, 4), one.grown(2, 4), one.grown(4, 8), other.grown(4, 4)];
    let before = Clock::system().now_ms() / 1_000;
    let answers = show(&node, &heads).await;
    let path = stage.dir.path().join("peers.json");
    let peers = PeerList::load(&path, &stage.dir.path().join("peer-root.pub"), 0).unwrap();
    for (answer, (log, size)) in
        answers.iter().zip([(&one, 2), (&other, 4), (&one, 4), (&one, 8), (&other, 4)])
    {
        let LogWitnessed::Cosigned(line) = answer else { panic!("{answer:?}") };
        let pins = log.key.pins(1, &peers).unwrap();
        let mut checkpoint = log.checkpoint(size);
        checkpoint.add(Signature::from_line(line).unwrap(), &pins).unwrap();
        let (_, witnessed) = checkpoint.verify(&pins).unwrap();
        assert_eq!(witnessed.standing, Standing::Final);
        assert!((before..=Clock::system().now_ms() / 1_000).contains(&witnessed.by[0].1));
    }
    assert_eq!(told(&node, one.grown(4, 8)).await, LogWitnessed::Behind(8));
    assert_eq!(told(&node, one.grown(2, 4)).await, LogWitnessed::Behind(8), "an older one came late");
    stage.shows("/metrics", r#"chukei_log_heads_total{result="COSIGNED",role="broker"} 5"#).await;
    stage.shows("/metrics", r#"chukei_log_heads_total{result="BEHIND",role="broker"} 2"#).await;
}

#[tokio::test]
async fn r43_a_fork_is_refused_with_an_alarm_also_by_a_broker_that_was_started_again() {
    let mut stage = Stage::set().await;
    let first = node(&stage).await;
    let seed = seed();
    let (log, fork) = (Log::of(&stage, 0, &seed, None), Log::of(&stage, 0, &seed, Some(1)));
    assert!(matches!(told(&first, log.grown(0, 4)).await, LogWitnessed::Cosigned(_)));
    assert_eq!(told(&first, fork.grown(4, 8)).await, LogWitnessed::Fork);
    assert_eq!(told(&first, fork.grown(0, 4)).await, LogWitnessed::Fork, "another root of the same size");
    let alarm = r#"chukei_integrity_alarms_total{kind="log_fork",role="broker"} 1"#;
    stage.shows("/metrics", alarm).await;
    stage.shows("/metrics", r#"chukei_log_heads_total{result="FORK",role="broker"} 2"#).await;
    stage.restart().await;
    let second = node(&stage).await;
    assert_eq!(told(&second, log.grown(0, 2)).await, LogWitnessed::Behind(4));
    assert_eq!(told(&second, fork.grown(4, 8)).await, LogWitnessed::Fork);
    stage.shows("/metrics", alarm).await;
    assert_eq!(told(&second, log.set_back(4, 2)).await, LogWitnessed::Fork, "set back, and says so");
    assert!(
        matches!(told(&second, log.grown(4, 8)).await, LogWitnessed::Cosigned(_)),
        "the true log goes on"
    );
}

#[tokio::test]
async fn r1_a_log_is_shown_by_the_connection_that_serves_its_body() {
    let stage = Stage::set().await;
    let owner = node(&stage).await;
    let log = Log::of(&stage, 0, &seed(), None);
    let other = stage.connect("chukei://node/node-b").await;
    let not_found = LogWitnessed::Refused(ResultName::NotFound);
    assert_eq!(told(&other, log.grown(0, 4)).await, not_found);
    let unlisted = LogHead { body: "983012".parse().unwrap(), ..log.grown(0, 4) };
    assert_eq!(told(&other, unlisted).await, not_found, "as one that does not exist");
    let foreign = LogHead { body: BODIES[1].parse().unwrap(), ..log.grown(0, 4) };
    assert_eq!(told(&owner, foreign).await, not_found, "another body's log");
    // One head that is refused holds up none of the others.
    let bad = LogHead { certificate: [0; 64], ..log.grown(0, 2) };
    let answers = show(&owner, &[bad, log.grown(0, 4)]).await;
    assert_eq!(answers[0], LogWitnessed::Refused(ResultName::BadSignature));
    assert!(matches!(answers[1], LogWitnessed::Cosigned(_)));
    let portal = stage.connect(PORTAL).await;
    let refused = show_heads(&portal, Clock::system().now_ms(), &[log.grown(4, 8)], |_, _| {}).await;
    let not_permitted = Outcome::Refused(ResultName::NotPermitted);
    assert!(matches!(refused, Err(NotWitnessed::NotAnswered(told)) if told == not_permitted));
}

#[tokio::test]
async fn many_heads_at_once_are_answered_in_order() {
    let stage = Stage::set().await;
    let node = node(&stage).await;
    let log = Log::of(&stage, 0, &seed(), None);
    let steps = [(0, 1), (1, 2), (2, 4), (4, 8)];
    let heads: Vec<LogHead> = steps.iter().map(|(old, new)| log.grown(*old, *new)).collect();
    let again = std::iter::repeat_n([log.grown(4, 8), log.grown(8, 8)], 500).flatten();
    let answers = show(&node, &heads.into_iter().chain(again).collect::<Vec<_>>()).await;
    let (grown, again) = answers.split_at(steps.len());
    assert!(grown.iter().all(|answer| matches!(answer, LogWitnessed::Cosigned(_))), "{grown:?}");
    for pair in again.chunks(2) {
        assert_eq!(pair[0], LogWitnessed::Behind(8));
        assert!(matches!(pair[1], LogWitnessed::Cosigned(_)), "{:?}", pair[1]);
    }
}

#[tokio::test]
async fn what_is_no_head_ends_the_stream_and_nothing_else() {
    let stage = Stage::set().await;
    let node = node(&stage).await;
    let mut open = open_request(&node, &header(Kind::LogWitness), &Hop::default()).await.unwrap();
    open.send.write_message(&TimeReply { now_ms: 1 }).await.unwrap();
    // Whether the status comes before the reset is left open.
    if let Ok(outcome) = open.read_status().await {
        assert_eq!(outcome, Outcome::Answered);
        assert!(open.recv.read_message::<LogWitnessed>().await.is_err());
    }
    let log = Log::of(&stage, 0, &seed(), None);
    assert!(matches!(told(&node, log.grown(0, 8)).await, LogWitnessed::Cosigned(_)));
}

#[cfg(feature = "faults")]
#[tokio::test]
async fn r43_nothing_is_cosigned_that_the_disk_has_not_taken() {
    let mut stage = Stage::set().await;
    let first = node(&stage).await;
    let seed = seed();
    let (log, fork) = (Log::of(&stage, 0, &seed, None), Log::of(&stage, 0, &seed, Some(1)));
    assert!(matches!(told(&first, log.grown(0, 2)).await, LogWitnessed::Cosigned(_)));
    stage.faults.lose_heads(true);
    let not_ready = LogWitnessed::Refused(ResultName::NotReady);
    assert_eq!(told(&first, log.grown(2, 4)).await, not_ready);
    assert_eq!(told(&first, log.grown(4, 4)).await, not_ready, "nor the same again");
    stage.restart().await;
    let second = node(&stage).await;
    assert_eq!(
        told(&second, log.grown(4, 8)).await,
        LogWitnessed::Behind(2),
        "what was cosigned is remembered"
    );
    stage.faults.lose_heads(false);
    assert_eq!(told(&second, fork.grown(2, 8)).await, LogWitnessed::Fork);
    assert!(matches!(told(&second, log.grown(2, 8)).await, LogWitnessed::Cosigned(_)));
}

#[tokio::test]
async fn the_memory_is_the_signed_checkpoint_in_the_journal() {
    let mut stage = Stage::set().await;
    let node = node(&stage).await;
    let log = Log::of(&stage, 0, &seed(), None);
    for (old, new) in [(0, 2), (2, 8)] {
        assert!(matches!(told(&node, log.grown(old, new)).await, LogWitnessed::Cosigned(_)));
    }
    stage.stop.send_replace(true);
    (&mut stage.running).await.unwrap().unwrap();
    let (journal, _) =
        Journal::open(&stage.dir.path().join("data/journal"), JournalOptions::default()).unwrap();
    let kept: Vec<_> = journal.read("witness", 1).map(|entry| entry.unwrap().sealed).collect();
    assert_eq!(kept, [2, 8].map(|size| log.checkpoint(size).to_string().into_bytes()));
}
