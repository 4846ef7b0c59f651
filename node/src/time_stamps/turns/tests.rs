//! One body's trouble is no other's. The authority takes connections and answers nothing.

use chukei_store::{Batch, RowKey, Space};
use tokio::net::TcpListener;

use super::*;
use crate::checkpoints::{SEALED, samples};
use crate::config::time_stamps::TimeStampSettings;
use crate::hosted::samples::Sample;

const BODY: &str = "982016";
const OTHER: &str = "982024";

/// Turns over these bodies, and where their authority listens.
async fn turns(sample: &Sample, clock: Clock) -> (Turns, TcpListener) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let root = rcgen::generate_simple_self_signed(["tsa.example".to_owned()]).unwrap();
    std::fs::write(sample.dir().join("roots.pem"), root.cert.pem()).unwrap();
    let settings = TimeStampSettings {
        url: format!("http://{}/stamp", listener.local_addr().unwrap()),
        roots: "roots.pem".into(),
        authority: None,
        policy: None,
        deadline_seconds: 20,
        apart_seconds: 300,
    };
    let authority = Arc::new(Authority::open(&settings, sample.dir()).unwrap());
    (Turns::new(authority, clock, Metrics::new("node").unwrap(), 400), listener)
}

fn hosted(sample: &Sample) -> [Arc<HostedBody>; 2] {
    [BODY, OTHER].map(|code| sample.body(code))
}

/// Waits until a turn ends, takes what it came to, and says whose it was.
async fn over(turns: &mut Turns) -> String {
    let ended = turns.ended().await.unwrap();
    let id = ended.as_ref().map_or_else(|broken| broken.id(), |(id, _)| *id);
    let code = turns.whose[&id].to_string();
    turns.take(ended);
    code
}

fn plan<'a>(turns: &'a Turns, code: &str) -> &'a Plan {
    &turns.bodies[&code.parse().unwrap()].plan
}

fn counted(turns: &Turns, result: &str) -> u64 {
    turns.metrics.time_stamps.with_label_values(&[result]).get()
}

#[tokio::test]
async fn r43_a_body_without_a_cosigned_checkpoint_takes_no_place_and_is_asked_for_once_it_has_one() {
    let sample = Sample::new().await;
    let (mut turns, listener) = turns(&sample, Clock::system()).await;
    samples::vouch(&sample.body(OTHER)).await;
    turns.begin(&hosted(&sample));
    for _ in 0..2 {
        over(&mut turns).await;
    }
    turns.begin(&hosted(&sample));
    assert_eq!((turns.at_work.len(), plan(&turns, BODY).is_begun()), (1, false));
    drop(listener.accept().await.unwrap());
    assert_eq!((over(&mut turns).await.as_str(), counted(&turns, "broken")), (OTHER, 1));
    samples::vouch(&sample.body(BODY)).await;
    turns.begin(&hosted(&sample));
    drop(listener.accept().await.unwrap());
    assert_eq!((over(&mut turns).await.as_str(), counted(&turns, "broken")), (BODY, 2));
}

#[tokio::test]
async fn r43_bodies_are_watched_while_no_place_is_free() {
    let sample = Sample::new().await;
    let (mut turns, _listener) = turns(&sample, Clock::system()).await;
    for _ in 0..AT_ONCE {
        turns.at_work.spawn(std::future::pending());
    }
    turns.begin(&hosted(&sample));
    assert_eq!((turns.bodies.len(), turns.at_work.len()), (2, AT_ONCE));
    assert!(!plan(&turns, BODY).is_begun());
    turns.begin(&[sample.body(OTHER)]);
    assert_eq!(turns.bodies.len(), 1, "who has left is not");
}

#[tokio::test]
async fn r43_a_store_that_does_not_answer_holds_up_no_other_body_and_is_a_failure_after_a_while() {
    let sample = Sample::new().await;
    let (mut turns, _listener) = turns(&sample, Clock::system()).await;
    *sample.silent.lock().unwrap() = Some(BODY);
    turns.begin(&hosted(&sample));
    assert_eq!(over(&mut turns).await, OTHER);
    assert!(plan(&turns, OTHER).is_known());
    tokio::time::pause();
    tokio::time::advance(turns.stamping.authority.deadline() + STORE_WAIT).await;
    assert_eq!((over(&mut turns).await.as_str(), counted(&turns, "not_kept")), (BODY, 1));
    assert_eq!((plan(&turns, BODY).is_known(), plan(&turns, BODY).failures()), (false, 1));
    turns.begin(&hosted(&sample));
    assert!(!plan(&turns, BODY).is_begun(), "it has to wait");
}

#[tokio::test]
async fn r43_a_newest_stamp_that_cannot_be_read_is_counted_and_its_age_grows() {
    let sample = Sample::new().await;
    let clock = sample.dir().join("clock");
    let (mut turns, _listener) = turns(&sample, Clock::file(&clock)).await;
    let (body, row) = (sample.body(BODY), RowKey::new(Space::LogTree).bytes(&[7]));
    let batch = body.put(Batch::new(), Space::LogTree, row, SEALED, &"no stamp").await.unwrap();
    body.apply(batch).await.unwrap();
    turns.begin(&[body]);
    assert_eq!((over(&mut turns).await.as_str(), counted(&turns, "not_kept")), (BODY, 1));
    assert_eq!(turns.metrics.duty_failures.with_label_values(&["time_stamp"]).get(), 1);
    std::fs::write(&clock, "+31h").unwrap();
    let grown = async {
        while turns.metrics.time_stamp_age_seconds.get() < 108_000.0 {
            turns.show_age();
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), grown).await.expect("an age that an alert sees");
}

#[tokio::test]
async fn r43_a_turn_that_breaks_off_is_a_failure_of_its_own_body_alone() {
    let sample = Sample::new().await;
    let (mut turns, _listener) = turns(&sample, Clock::system()).await;
    *sample.silent.lock().unwrap() = Some(BODY);
    turns.begin(&hosted(&sample));
    assert_eq!(over(&mut turns).await, OTHER);
    turns.at_work.abort_all();
    assert_eq!((over(&mut turns).await.as_str(), counted(&turns, "panicked")), (BODY, 1));
    assert_eq!(turns.metrics.duty_failures.with_label_values(&["time_stamp"]).get(), 1);
    assert_eq!([BODY, OTHER].map(|code| plan(&turns, code).failures()), [1, 0]);
    turns.begin(&hosted(&sample));
    assert!(!plan(&turns, BODY).is_begun(), "it has to wait");
}
