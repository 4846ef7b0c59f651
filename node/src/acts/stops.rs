//! R23: an act that a stop has met anywhere is carried to its one end, and told once: the worker over real stores, stopped
//! at every write.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use chukei_access::PolicyBook;
use chukei_crypto::hash::sha256;
use chukei_crypto::sign::SigningKey;
use chukei_domain::act::{Act, ActKind, Second, State, Subject, Waits};
use chukei_domain::catalogue::Catalogue;
use chukei_domain::event::{ActStep, Event};
use chukei_domain::register::RegisterFile;
use chukei_relay_client::clock::Clock;
use chukei_relay_client::peers::{BrokerPeer, Hex, PEERS_PURPOSE, PeerListFile, WatchedPeers};
use chukei_relay_client::signed::{sign, signature_path};
use chukei_store::Journal;
use tempfile::TempDir;

use super::carry::Worker;
use super::rows;
use crate::access::grant::duty_write;
use crate::access::scope::BodyScope;
use crate::app::{Node, Parts};
use crate::config::review::ReviewSettings;
use crate::evidence::PermitEvidence;
use crate::hosted::samples::Sample;
use crate::hosted::{Bodies, HostedBody};
use crate::platform::WatchedPlatform;
use crate::register::{self, Change};
use crate::telemetry::metrics::Metrics;
use crate::telemetry::open_acts::OpenActs;

pub(super) const BODY: &str = "982016";
pub(super) const FIRST: &str = "chukei://body/982016/staff/u-tax-07";
pub(super) const SECOND: &str = "chukei://body/982016/staff/u-appr-01";
const WAITS: Waits = Waits { wait_ms: 0, expire_ms: 86_400_000 };
pub(super) const POLICY: &str = r#"@id("never") @result("DENIED") @reason_en("Never.") @reason_ja("なし。")
forbid (principal, action, resource) when { context.minute < 0 };"#;
pub(super) const REGISTER: &str = r#"
body = "982016"

[[staff]]
name = "u-tax-07"
kind = "staff"
roles = ["administrator", "requester"]
valid = { from = "2020-04-01", until = "2099-03-31" }

[[staff]]
name = "u-appr-01"
kind = "staff"
roles = ["approver"]
valid = { from = "2020-04-01", until = "2099-03-31" }
"#;

/// A node of two bodies, connected to nobody: one broker has vouched for the time once.
pub(super) fn node(bodies: Bodies, journal: &Arc<Journal>, dir: &TempDir, policies: Arc<PolicyBook>) -> Node {
    let (clock, metrics) = (Clock::system(), Metrics::new("node").unwrap());
    let now_ms = clock.now_ms();
    let node = Node::new(Parts {
        name: "node-a".to_owned(),
        bodies,
        catalogue: Catalogue::builtin().unwrap(),
        zones: Default::default(),
        two_person: WAITS,
        policies,
        peers: peers(dir, now_ms),
        platform: WatchedPlatform::none(),
        metrics,
        limits: Default::default(),
        body_bounds: Vec::new(),
        evidence: PermitEvidence::new(journal.clone(), clock.clone()),
        epochs_kept: 7,
        brokers: vec!["broker-a".to_owned()],
        review: ReviewSettings::default().limits().unwrap(),
        rows_per_second: 1_000,
        clock,
    });
    node.witness.hear("broker-a", now_ms, now_ms);
    node
}

fn peers(dir: &TempDir, now_ms: u64) -> WatchedPeers {
    let root = SigningKey::from_pkcs8(&SigningKey::generate().unwrap()).unwrap();
    let [file, public] = ["peers.json", "peers-root.pub"].map(|name| dir.path().join(name));
    let key = Hex(vec![4; 65]);
    let broker = BrokerPeer {
        name: "broker-a".to_owned(),
        acquisition_public: key,
        permit_public: Hex(vec![6; 32]),
        witness_public: Hex(vec![7; 32]),
    };
    let list = PeerListFile {
        version: 1,
        issued_ms: now_ms,
        not_after_ms: now_ms + 86_400_000,
        bodies: Vec::new(),
        portals: Vec::new(),
        brokers: vec![broker],
        registry: Hex(vec![5; 32]),
    };
    let list = list.to_json().unwrap();
    std::fs::write(&public, data_encoding::HEXLOWER.encode(&root.public())).unwrap();
    std::fs::write(&file, &list).unwrap();
    std::fs::write(signature_path(&file), sign(PEERS_PURPOSE, &list, &root)).unwrap();
    WatchedPeers::open(file, public, now_ms).unwrap()
}

/// A body whose people are on record, and with it the policies that are in force.
pub(super) async fn opened(sample: &Sample) -> Arc<PolicyBook> {
    let policies = Arc::new(PolicyBook::new().unwrap());
    let now_ms = Clock::system().now_ms();
    register::open(&sample.body(BODY), &policies, None, "chukei://node/node-a", now_ms).await.unwrap();
    policies
}

/// An act that two persons have decided: its row, as their calls leave it.
async fn decided(sample: &Sample, subject: Subject, text: Option<&str>) {
    let at = chukei_domain::act::Moment::new(Clock::system().now_ms(), None);
    let mut act = Act::request([7; 16], subject, "R8-1", FIRST, at, WAITS).unwrap();
    let second = Second { identity: SECOND, approver: true, administrator: false };
    act.approve(second, at, WAITS).unwrap();
    rows::add(&sample.body(BODY), rows::Row::new(act, None), text).await.unwrap();
}

/// Looks at the acts once, for as many writes as there are; what became of it, and the folder.
async fn looked(sample: Sample, writes: usize) -> (bool, TempDir) {
    let policies = opened(&sample).await;
    let (left, journal) = (sample.writes.clone(), sample.journal.clone());
    let (bodies, dir) = sample.given_away();
    let node = node(bodies, &journal, &dir, policies);
    let body = node.bodies.opened(BODY.parse().unwrap()).unwrap();
    let worker = Worker { node: &node, scope: BodyScope::of_duty(body, "node-a") };
    left.store(writes, Ordering::SeqCst);
    let done = worker.look(&mut OpenActs::new(&node.metrics)).await.is_ok();
    (done, dir)
}

/// What the log tells of the act, from its begin on.
fn told(body: &HostedBody) -> Vec<ActStep> {
    let events = body.audit().walk(1).map(|record| record.unwrap().event);
    events.filter_map(|event| if let Event::Act(told) = event { Some(told.step) } else { None }).collect()
}

async fn stage(subject: impl AsyncFnOnce(&Sample) -> (Subject, Option<&'static str>)) -> Sample {
    let sample = Sample::new().await;
    opened(&sample).await;
    let entries = RegisterFile::parse(REGISTER).unwrap().check().unwrap();
    let change = Change { put: entries, ..Change::default() };
    let (body, grant) = (sample.body(BODY), duty_write(&sample.scope(BODY), "test"));
    body.change_register(&grant, change, Clock::system().now_ms()).await.unwrap();
    let (subject, text) = subject(&sample).await;
    decided(&sample, subject, text).await;
    drop((body, grant));
    sample.reopened().await
}

/// Stops the worker behind each of its writes in turn, and lets another process go on from there: `is_done` looks at what
/// the act was for, whether it is there wholly or not at all until then.
async fn stopped_everywhere(
    subject: impl AsyncFn(&Sample) -> (Subject, Option<&'static str>),
    is_done: impl AsyncFn(&Sample) -> bool,
) {
    for writes in 0.. {
        let sample = stage(&subject).await;
        assert!(!is_done(&sample).await);
        let (done, dir) = looked(sample, writes).await;
        let sample = Sample::over(dir).await;
        opened(&sample).await;
        let act = rows::load(&sample.body(BODY), [7; 16]).await.unwrap().unwrap().row.act;
        if act.state == State::Approved {
            assert!(!is_done(&sample).await, "nothing is done of what is not begun: {writes}");
        }
        let (end, dir) = looked(sample, usize::MAX).await;
        assert!(end, "stopped after {writes} writes");
        let sample = Sample::over(dir).await;
        opened(&sample).await;
        let body = sample.body(BODY);
        let act = rows::load(&body, [7; 16]).await.unwrap().unwrap().row.act;
        assert_eq!((act.state, act.failure), (State::Executed, None), "stopped after {writes} writes");
        assert_eq!(told(&body), [ActStep::Executed], "once: stopped after {writes} writes");
        assert!(is_done(&sample).await, "stopped after {writes} writes");
        if done {
            assert!(writes >= 2, "nothing was stopped at all");
            return;
        }
    }
}

#[tokio::test]
async fn r23_a_policy_is_loaded_wholly_and_told_once_whatever_stops_it() {
    let subject = async |_: &Sample| {
        let digest = sha256(POLICY.as_bytes());
        (Subject::PolicyLoad { name: "never".to_owned(), digest }, Some(POLICY))
    };
    let loaded = async |sample: &Sample| sample.body(BODY).register().policies().len() == 1;
    stopped_everywhere(subject, loaded).await;
}

/// The one person there is, withheld.
async fn withhold(sample: &Sample) {
    let person = sample.enroll(BODY, 1).await;
    let body = sample.body(BODY);
    let mut loaded = body.load_person(&duty_write(&sample.scope(BODY), "test"), &person.person).await;
    let mut changed = loaded.as_mut().unwrap().take().unwrap();
    changed.record.flags.block(&[]);
    body.apply(body.put_person(chukei_store::Batch::new(), &changed).await.unwrap()).await.unwrap();
}

/// Whether everything of that person is given out.
async fn given_out(sample: &Sample) -> bool {
    let grant = duty_write(&sample.scope(BODY), "test");
    let person = sample.body(BODY).person(&grant, &[1; 16]).await.unwrap().unwrap();
    person.flags == Default::default()
}

fn unblock() -> Subject {
    Subject::Unblock { person: [1; 16], datasets: Vec::new() }
}

#[tokio::test]
async fn r23_r50_protection_ends_wholly_and_is_told_once_whatever_stops_it() {
    let subject = async |sample: &Sample| {
        withhold(sample).await;
        (unblock(), None)
    };
    stopped_everywhere(subject, async |sample: &Sample| given_out(sample).await).await;
}

/// What the log calls a failure stays one, although it could be done by the time that somebody looks again.
#[tokio::test]
async fn r23_an_act_whose_failure_is_told_is_not_done_after_a_stop() {
    let sample = stage(async |_| (unblock(), None)).await;
    let (done, dir) = looked(sample, 1).await;
    assert!(!done, "begun, told, and not kept");
    let sample = Sample::over(dir).await;
    assert_eq!(told(&sample.body(BODY)), [ActStep::Failed]);
    opened(&sample).await;
    withhold(&sample).await;
    let (done, dir) = looked(sample, usize::MAX).await;
    assert!(done);
    let sample = Sample::over(dir).await;
    let body = sample.body(BODY);
    let act = rows::load(&body, [7; 16]).await.unwrap().unwrap().row.act;
    assert_eq!((act.state, act.failure.as_deref()), (State::Failed, Some("NOT_FOUND")));
    assert_eq!(told(&body), [ActStep::Failed], "once");
    assert!(!given_out(&sample).await);
}

#[tokio::test]
async fn r23_an_erasure_is_begun_once_whatever_stops_it() {
    let subject = async |sample: &Sample| {
        let person = sample.enroll(BODY, 1).await;
        (Subject::ErasePerson(person.person.id), None)
    };
    let begun = async |sample: &Sample| {
        let prefix = chukei_store::RowKey::new(chukei_store::Space::Erasure);
        sample.body(BODY).count_rows(&prefix).await.unwrap() == 1
    };
    stopped_everywhere(subject, begun).await;
}

/// Whoever decided it and is on record no more when its time has come has not decided it.
#[tokio::test]
async fn r6_r23_an_act_whose_second_person_is_gone_by_then_fails_and_does_nothing() {
    let sample = stage(async |_| (Subject::KeyringCopy, None)).await;
    opened(&sample).await;
    let remove = vec![(chukei_domain::register::Class::Staff, "u-appr-01".to_owned())];
    let change = Change { remove, ..Change::default() };
    let grant = duty_write(&sample.scope(BODY), "test");
    sample.body(BODY).change_register(&grant, change, Clock::system().now_ms()).await.unwrap();
    drop(grant);
    let (done, dir) = looked(sample, usize::MAX).await;
    assert!(done);
    let sample = Sample::over(dir).await;
    let body = sample.body(BODY);
    let act = rows::load(&body, [7; 16]).await.unwrap().unwrap().row.act;
    assert_eq!(act.subject.kind(), ActKind::KeyringCopy);
    assert_eq!((act.state, act.failure.as_deref()), (State::Failed, Some("TWO_PERSON_REQUIRED")));
    assert_eq!(told(&body), [ActStep::Failed]);
}

/// A backup holds acts as they were then: nobody knows what has become of them since.
#[tokio::test]
async fn r23_r41_acts_that_came_back_from_a_backup_are_called_off_and_told() {
    let sample = stage(async |_| (Subject::KeyringCopy, None)).await;
    let (policies, journal) = (opened(&sample).await, sample.journal.clone());
    let (bodies, dir) = sample.given_away();
    let node = node(bodies, &journal, &dir, policies);
    let body = node.bodies.opened(BODY.parse().unwrap()).unwrap();
    super::call_off_restored(&node, &body).await.unwrap();
    let worker = Worker { node: &node, scope: BodyScope::of_duty(body.clone(), "node-a") };
    worker.look(&mut OpenActs::new(&node.metrics)).await.unwrap();
    let act = rows::load(&body, [7; 16]).await.unwrap().unwrap().row.act;
    assert_eq!(act.state, State::Cancelled, "although its time had come");
    assert_eq!(told(&body), [ActStep::Cancelled]);
}
