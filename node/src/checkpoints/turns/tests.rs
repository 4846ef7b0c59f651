//! What is known of a body's log outlives a turn that breaks off, and what fails is told as often as it is news.

use chukei_wire::id::RequestId;

use super::*;
use crate::audit::Unstored;
use crate::checkpoints::rows;
use crate::checkpoints::tests::turns::{BROKER, Broker, SECOND};
use crate::hosted::samples::Sample;

const BODY: &str = "982016";
const NOW: u64 = 1_795_219_200_000;

async fn written(sample: &Sample, count: u32) {
    let (body, actor) = (sample.body(BODY), "chukei://node/node-a");
    for _ in 1..count {
        body.audit().outcome(actor, RequestId([7; 16]), None, chukei_domain::event::Outcome::Delivered, NOW);
    }
    body.audit().erased(actor, "notices", count, NOW).await.unwrap();
}

fn turns() -> Turns {
    Turns::new(Metrics::new("node").unwrap())
}

async fn over(turns: &mut Turns, peers: &PeerList) {
    let ended = turns.ended().await.unwrap();
    turns.take_back(ended, peers).unwrap();
}

/// One turn, what is due to this broker after it.
async fn turned(turns: &mut Turns, sample: &Sample, named: &[&str], peers: &PeerList) -> Vec<LogHead> {
    let named = named.iter().map(|&name| name.to_owned()).collect();
    turns.begin(&[sample.body(BODY)], &named);
    over(turns, peers).await;
    turns.due_for(named.first().unwrap())
}

fn alarms(turns: &Turns, kind: &str) -> u64 {
    turns.metrics.integrity_alarms.with_label_values(&[kind]).get()
}

fn failures(turns: &Turns) -> u64 {
    turns.metrics.duty_failures.with_label_values(&["checkpoint"]).get()
}

#[tokio::test]
async fn r43_a_turn_that_breaks_off_is_told_and_what_is_known_of_the_log_is_not_told_again() {
    let sample = Sample::new().await;
    let (mut turns, brokers) = (turns(), Broker::of(&[BROKER, SECOND]));
    let told = |turns: &mut Turns, due: &[LogHead]| {
        for (broker, answer) in
            [(BROKER, LogWitnessed::Fork), (SECOND, LogWitnessed::Refused(ResultName::TwoPersonRequired))]
        {
            let answers = due.iter().map(|head| (head.clone(), answer.clone())).collect();
            turns.answered(broker, answers, &brokers.peers);
        }
    };
    written(&sample, 3).await;
    let due = turned(&mut turns, &sample, &[BROKER, SECOND], &brokers.peers).await;
    assert_eq!(due.len(), 1);
    told(&mut turns, &due);
    assert_eq!(["log_fork", "log_gap"].map(|kind| alarms(&turns, kind)), [1, 1]);

    let named: Arc<[String]> = Arc::new([BROKER.to_owned()]);
    turns.begin(&[sample.body(BODY)], &named);
    turns.at_work.abort_all();
    over(&mut turns, &brokers.peers).await;
    assert_eq!(failures(&turns), 1);
    assert!(turns.due_for(SECOND).is_empty(), "of a log that is gone");

    let due = turned(&mut turns, &sample, &[BROKER, SECOND], &brokers.peers).await;
    assert_eq!(due.len(), 1, "it goes on from what is stored");
    told(&mut turns, &due);
    assert_eq!(["log_fork", "log_gap"].map(|kind| alarms(&turns, kind)), [1, 1]);
}

#[tokio::test]
async fn r43_what_cannot_be_proven_to_one_broker_stays_a_failure_while_the_other_is_shown_its_head() {
    let sample = Sample::new().await;
    let brokers = Broker::of(&[BROKER, SECOND]);
    written(&sample, 700).await;
    crate::checkpoints::tests::store_tree(&sample.body(BODY)).await;
    let sample = sample.reopened().await;
    let mut turns = turns();
    let named = [SECOND, BROKER];
    let due = turned(&mut turns, &sample, &named, &brokers.peers).await;
    // A tile that this broker needs, and the tree's own edge does not, is cut short.
    let (head, epoch) = sample.body(BODY).audit().tree().head();
    let cut = Unstored { head, epoch, tiles: vec![((0, 0), vec![7; 32])], chains: Vec::new() };
    rows::store(&sample.body(BODY), &cut).await.unwrap();
    turns.answered(SECOND, vec![(due[0].clone(), LogWitnessed::Behind(100))], &brokers.peers);
    assert!(turned(&mut turns, &sample, &named, &brokers.peers).await.is_empty());
    assert_eq!((turns.due_for(BROKER).len(), failures(&turns)), (1, 1));
    let watched = turns.logs.get_mut(&BODY.parse().unwrap()).unwrap();
    assert!(watched.duties[1].done(), "it has been failing until now");
}
