//! One body's trouble is no other's.

use chukei_crypto::sign::SigningKey;
use chukei_crypto::tlog::{Signature, SignedCheckpoint, cosigned_message};
use chukei_relay_client::peers::{BrokerPeer, Hex, PEERS_PURPOSE, PeerList, PeerListFile};
use chukei_relay_client::signed::sign;
use chukei_wire::message::log::{LogHead, LogWitnessed};

use super::super::logs::Heard;
use super::super::turns::Turns;
use super::*;
use crate::telemetry::metrics::Metrics;

const OTHER: &str = "982024";
pub(in crate::checkpoints) const BROKER: &str = "broker-a";
pub(in crate::checkpoints) const SECOND: &str = "broker-b";

/// Brokers of one list that cosign whatever they are shown.
pub(in crate::checkpoints) struct Broker {
    keys: HashMap<String, SigningKey>,
    pub(in crate::checkpoints) peers: PeerList,
}

impl Broker {
    pub(in crate::checkpoints) fn new() -> Self {
        Self::of(&[BROKER])
    }

    pub(in crate::checkpoints) fn of(names: &[&str]) -> Self {
        let key = || SigningKey::from_pkcs8(&SigningKey::generate().unwrap()).unwrap();
        let (root, keys) =
            (key(), names.iter().map(|&name| (name.to_owned(), key())).collect::<HashMap<_, _>>());
        let broker = |(name, own): (&String, &SigningKey)| BrokerPeer {
            name: name.clone(),
            acquisition_public: Hex(vec![4; 65]),
            permit_public: Hex(key().public().to_vec()),
            witness_public: Hex(own.public().to_vec()),
        };
        let list = PeerListFile {
            version: 1,
            issued_ms: 0,
            not_after_ms: u64::MAX,
            bodies: Vec::new(),
            portals: Vec::new(),
            brokers: keys.iter().map(broker).collect(),
            registry: Hex(vec![5; 32]),
        };
        let list = list.to_json().unwrap();
        let signature = data_encoding::HEXLOWER.decode(sign(PEERS_PURPOSE, &list, &root).as_bytes()).unwrap();
        let peers = PeerList::verify(&list, &signature, &root.public(), NOW).unwrap();
        Self { keys, peers }
    }

    pub(in crate::checkpoints) fn cosigned(&self, shown: &LogHead) -> LogWitnessed {
        self.cosigned_as(BROKER, shown)
    }

    pub(in crate::checkpoints) fn cosigned_as(&self, name: &str, shown: &LogHead) -> LogWitnessed {
        let (text, time) = (SignedCheckpoint::parse(&shown.checkpoint).unwrap(), NOW / 1_000);
        let signed = self.keys[name].sign(cosigned_message(&text.unverified().to_string(), time).as_bytes());
        let witness = self.peers.broker(name).unwrap().witness().unwrap();
        let signature = Signature::new(&witness, [&time.to_be_bytes()[..], &signed].concat());
        LogWitnessed::Cosigned(signature.to_string())
    }
}

fn bodies(sample: &Sample) -> [Arc<HostedBody>; 2] {
    [BODY, OTHER].map(|code| sample.body(code))
}

fn turns() -> (Turns, Arc<[String]>) {
    (Turns::new(Metrics::new("node").unwrap()), Arc::new([BROKER.to_owned()]))
}

/// Waits until a turn ends, and says whose it was.
async fn over(turns: &mut Turns, broker: &Broker) -> String {
    let ended = turns.ended().await.unwrap();
    turns.take_back(ended, &broker.peers).unwrap().to_string()
}

async fn written(sample: &Sample, code: &str) {
    sample.body(code).audit().erased(ACTOR, "notices", 1, NOW).await.unwrap();
}

#[tokio::test]
async fn r43_a_body_whose_rows_nobody_answers_for_holds_up_no_other_ones_checkpoints() {
    let sample = Sample::new().await;
    let (broker, (mut turns, brokers)) = (Broker::new(), turns());
    for code in [BODY, OTHER] {
        written(&sample, code).await;
    }
    *sample.silent.lock().unwrap() = Some(BODY);
    for size in 1..=3 {
        turns.begin(&bodies(&sample), &brokers);
        assert_eq!(over(&mut turns, &broker).await, OTHER, "the other one is in its first turn still");
        let due = turns.due_for(BROKER);
        let sizes = due.iter().map(|head| (head.body.to_string(), head.old_size));
        assert_eq!(sizes.collect::<Vec<_>>(), [(OTHER.to_owned(), size - 1)]);
        turns.answered(
            BROKER,
            due.iter().map(|head| (head.clone(), broker.cosigned(head))).collect(),
            &broker.peers,
        );
        let vouched = sample.body(OTHER).vouched().newest().unwrap();
        assert_eq!(vouched.tree.head().size, size);
        written(&sample, OTHER).await;
    }
    assert!(!turns.are_over());
}

#[tokio::test]
async fn r43_a_long_log_is_read_again_a_bounded_number_of_batches_a_turn() {
    let sample = Sample::new().await;
    for _ in 0..5 {
        write(&sample, 4_000).await;
    }
    let sample = sample.reopened().await;
    let (broker, (mut turns, brokers)) = (Broker::new(), turns());
    written(&sample, OTHER).await;
    let last = sample.body(BODY).audit().last_number();
    turns.begin(&bodies(&sample), &brokers);
    for _ in 0..2 {
        over(&mut turns, &broker).await;
    }
    let read = head(&sample).size;
    assert!((1..last).contains(&read), "{read}");
    let due = turns.due_for(BROKER);
    assert_eq!(due.iter().map(|head| head.body.to_string()).collect::<Vec<_>>(), [OTHER]);
    // It goes on before the next turn of all, and is stated once it is whole.
    turns.relieve(&bodies(&sample), &brokers);
    assert_eq!(over(&mut turns, &broker).await, BODY);
    assert_eq!(head(&sample).size, last);
    assert_eq!(turns.due_for(BROKER).len(), 1);
    turns.relieve(&bodies(&sample), &brokers);
    assert!(turns.are_over(), "nothing is left of it");
}

#[tokio::test]
async fn r43_what_a_broker_answers_while_a_log_grows_is_heard_once_it_is_back() {
    let sample = Sample::new().await;
    let (broker, (mut turns, brokers)) = (Broker::new(), turns());
    let body = [sample.body(BODY)];
    written(&sample, BODY).await;
    turns.begin(&body, &brokers);
    over(&mut turns, &broker).await;
    let [shown] = <[LogHead; 1]>::try_from(turns.due_for(BROKER)).unwrap();
    assert_eq!(turns.due_for(BROKER), [], "once");
    written(&sample, BODY).await;
    // The broker is being called: what it has not answered is not made again for it.
    let nobody: Arc<[String]> = Arc::new([]);
    turns.begin(&body, &nobody);
    turns.answered(BROKER, vec![(shown.clone(), broker.cosigned(&shown))], &broker.peers);
    assert!(body[0].vouched().newest().is_none(), "the log is in its turn");
    over(&mut turns, &broker).await;
    assert_eq!(body[0].vouched().newest().unwrap().tree.head().size, 1);
    turns.begin(&body, &brokers);
    over(&mut turns, &broker).await;
    let due = turns.due_for(BROKER);
    assert_eq!(due.iter().map(|head| head.old_size).collect::<Vec<_>>(), [1], "from what it has cosigned");
}

/// Let go of and opened anew between two turns, as where another node had it for a moment.
#[tokio::test]
async fn r43_a_body_that_was_opened_anew_gives_out_what_is_cosigned_from_then_on() {
    let sample = Sample::new().await;
    let (broker, mut log) = (Broker::new(), Log::default());
    written(&sample, BODY).await;
    log.turn(&sample.body(BODY)).await.unwrap();
    let sample = sample.reopened().await;
    let body = sample.body(BODY);
    written(&sample, BODY).await;
    log.turn(&body).await.unwrap();
    let shown = log.head_for(&body, BROKER).await.unwrap().unwrap();
    log.answered(BROKER, &shown, broker.cosigned(&shown), &broker.peers);
    assert_eq!(body.vouched().newest().unwrap().tree.head().size, 2);
}

#[tokio::test]
async fn r43_the_newest_checkpoint_is_given_out_while_one_of_the_brokers_is_away() {
    let sample = Sample::new().await;
    let (brokers, mut log, body) = (Broker::of(&[BROKER, SECOND]), Log::default(), sample.body(BODY));
    for (size, awake) in [(1, &[BROKER, SECOND][..]), (2, &[BROKER]), (3, &[BROKER])] {
        written(&sample, BODY).await;
        log.turn(&body).await.unwrap();
        for name in awake {
            let shown = log.head_for(&body, name).await.unwrap().unwrap();
            let answer = brokers.cosigned_as(name, &shown);
            assert_eq!(log.answered(name, &shown, answer, &brokers.peers), Heard::Cosigned);
        }
        assert_eq!(body.vouched().newest().unwrap().tree.head().size, size);
        let whole = body.vouched().over(Some(0)).unwrap();
        assert_eq!(whole.tree.head().size, 1, "what leaves are proven by is what all have cosigned");
    }
}
