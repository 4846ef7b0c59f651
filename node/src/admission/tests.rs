//! Admission as a whole: what is shed, what waits, in which order; and that the order of the layers matters.

use super::*;
use std::future::pending;

const LONG: Duration = Duration::from_secs(60);

/// Places alone; who finds none waits so long.
fn waits(in_flight: usize, waiting: usize, wait: Duration) -> Bounds {
    Bounds { waiting, wait, ..Bounds::places(in_flight) }
}

fn paced(requests: u32, burst: u32, bytes: u64) -> Bounds {
    let pace = Pace { requests, burst, bytes_in: bytes, bytes_out: bytes };
    Bounds { pace: Some(pace), ..waits(64, 64, LONG) }
}

async fn occupy(admission: &Admission, body: &BodyLimit) -> tokio::task::JoinHandle<()> {
    let (started, begun) = tokio::sync::oneshot::channel();
    let (admission, body) = (admission.clone(), body.clone());
    let task = tokio::spawn(async move {
        let work = async move {
            started.send(()).unwrap();
            pending::<()>().await;
        };
        let _ = admission.run(&body, LONG, work).await;
    });
    begun.await.unwrap();
    task
}

fn is_shed<T>(done: Result<T, NotDone>) -> Option<Reason> {
    match done {
        Err(NotDone::Shed(shed)) => Some(shed.reason),
        _ => None,
    }
}

#[tokio::test(start_paused = true)]
async fn r40_sheds_at_the_shared_limit_and_recovers() {
    let admission = Admission::new(1);
    let (first, second) = (admission.body("1", Bounds::places(4)), admission.body("2", Bounds::places(4)));
    let task = occupy(&admission, &first).await;
    assert_eq!(is_shed(admission.run(&second, LONG, async {}).await), Some(Reason::Room));
    task.abort();
    let _ = task.await;
    assert_eq!(admission.run(&second, LONG, async { 7 }).await, Ok(7));
}

#[tokio::test(start_paused = true)]
async fn r40_one_bodys_flood_leaves_room_for_another() {
    let admission = Admission::new(8);
    let (flooding, other) = (admission.body("1", Bounds::places(1)), admission.body("2", Bounds::places(1)));
    let _task = occupy(&admission, &flooding).await;
    assert_eq!(is_shed(admission.run(&flooding, LONG, async {}).await), Some(Reason::Room));
    assert_eq!(admission.run(&other, LONG, async { 7 }).await, Ok(7));
}

#[tokio::test(start_paused = true)]
async fn a_deadline_ends_wait_and_work() {
    let admission = Admission::new(1);
    let body = admission.body("1", waits(1, 4, LONG));
    let done = admission.run(&body, Duration::from_millis(5), pending::<()>()).await;
    assert_eq!(done, Err(NotDone::DeadlinePassed));
    let _task = occupy(&admission, &body).await;
    let began = Instant::now();
    let done = admission.run(&body, Duration::from_millis(50), async {}).await;
    assert_eq!(is_shed(done), Some(Reason::Room));
    assert!(began.elapsed() < Duration::from_millis(30), "it is told while it still listens");
    assert_eq!(admission.waiting(), 0, "and has left the queue");
}

#[tokio::test(start_paused = true)]
async fn r40_who_finds_no_place_to_wait_is_told_at_once_and_who_waits_in_vain_in_time() {
    let admission = Admission::new(1);
    let body = admission.body("1", waits(1, 1, Duration::from_secs(3)));
    let _task = occupy(&admission, &body).await;
    let began = Instant::now();
    let waiting = tokio::spawn({
        let (admission, body) = (admission.clone(), body.clone());
        async move { admission.run(&body, LONG, async {}).await }
    });
    tokio::task::yield_now().await;
    assert_eq!(admission.waiting(), 1);
    assert_eq!(is_shed(admission.run(&body, LONG, async {}).await), Some(Reason::Room));
    assert_eq!(began.elapsed(), Duration::ZERO);
    assert_eq!(is_shed(waiting.await.unwrap()), Some(Reason::Room));
    assert_eq!(began.elapsed().as_secs(), 3);
}

/// The layers of [`Admission::turn`] with the first two changed over: the limit swallows what the shed should tell.
#[tokio::test(start_paused = true)]
async fn r40_shed_inside_the_limit_tells_nobody() {
    let admission = Admission::new(1);
    let body = admission.body("1", waits(1, 1, LONG));
    let _task = occupy(&admission, &body).await;
    let _waits = tokio::spawn({
        let (admission, body) = (admission.clone(), body.clone());
        async move { admission.turn(&body, 1, LONG * 4, false).await }
    });
    tokio::task::yield_now().await;
    let wrong = ServiceBuilder::new()
        .layer(GlobalConcurrencyLimitLayer::with_semaphore(body.waiting(false)))
        .layer(LoadShedLayer::new())
        .layer(TimeoutLayer::new(LONG))
        .service(TakeTurn { fair: admission.fair.clone(), flow: body.flow() });
    let told = tokio::time::timeout(LONG / 2, wrong.oneshot(1)).await;
    assert!(told.is_err(), "still waiting for a place to wait");
    let right = tokio::time::timeout(LONG / 2, admission.turn(&body, 1, LONG, false)).await;
    assert_eq!(right.unwrap().unwrap_err().reason, Reason::Room);
}

/// The semaphore is the role's: one limit a service would let every body, and every kind of request, fill its own.
#[tokio::test(start_paused = true)]
async fn r40_one_semaphore_is_shared_by_all() {
    let admission = Admission::new(3);
    let bodies: Vec<_> = (0..4).map(|of| admission.body(of.to_string(), Bounds::places(3))).collect();
    let mut turns = Vec::new();
    for body in &bodies {
        let request = admission.turn(body, 1, Duration::ZERO, false).await;
        let batch = admission.turn(body, 1, Duration::ZERO, true).await;
        turns.extend([request, batch].into_iter().flatten());
    }
    assert_eq!(turns.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn r40_a_waiting_body_comes_next_however_many_of_another_wait() {
    let admission = Admission::new(1);
    let flood = admission.body("1", waits(64, 64, LONG));
    let quiet = admission.body("2", waits(64, 64, LONG));
    let first = admission.turn(&flood, 1, LONG, false).await.unwrap();
    let (told, mut order) = tokio::sync::mpsc::unbounded_channel();
    let wait = |body: &BodyLimit, name: &'static str| {
        let (admission, body, told) = (admission.clone(), body.clone(), told.clone());
        tokio::spawn(async move {
            let _turn = admission.turn(&body, 1, LONG, false).await.unwrap();
            told.send(name).unwrap();
            // One after the other, each for a while.
            tokio::time::sleep(Duration::from_millis(10)).await;
        })
    };
    for _ in 0..50 {
        wait(&flood, "flood");
    }
    tokio::task::yield_now().await;
    wait(&quiet, "quiet");
    tokio::task::yield_now().await;
    drop(first);
    let two = [order.recv().await.unwrap(), order.recv().await.unwrap()];
    assert!(two.contains(&"quiet"), "{two:?}");
}

#[tokio::test(start_paused = true)]
async fn a_waiter_that_goes_away_leaves_its_place_and_its_turn_to_others() {
    let admission = Admission::new(1);
    let body = admission.body("1", waits(4, 4, LONG));
    for number in 0..1_000 {
        let turn = admission.turn(&body, 1, LONG, false).await.unwrap();
        let mut gone = Box::pin(admission.turn(&body, 1, LONG, false));
        assert!(polled(gone.as_mut()).await.is_none());
        assert_eq!(admission.waiting(), 1);
        // Given up just after its turn has come, and just before.
        if number % 2 == 0 {
            drop(turn);
            drop(gone);
        } else {
            drop(gone);
            drop(turn);
        }
    }
    assert_eq!(admission.waiting(), 0);
    assert!(admission.turn(&body, 1, LONG, false).await.is_ok());
}

/// What the future comes to when it is asked once.
async fn polled<F: Future>(mut future: std::pin::Pin<&mut F>) -> Option<F::Output> {
    std::future::poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending => Poll::Ready(None),
    })
    .await
}

#[tokio::test(start_paused = true)]
async fn r40_a_rate_is_a_bodys_own_and_says_when_to_come_back() {
    let admission = Admission::new(64);
    let (one, other) =
        (admission.body("1", paced(10, 5, 1 << 20)), admission.body("2", paced(10, 5, 1 << 20)));
    assert_eq!((0..50).filter(|_| one.enter().is_ok()).count(), 5);
    let shed = one.enter().unwrap_err();
    assert_eq!((shed.reason, shed.retry_after_ms), (Reason::Rate, 400));
    assert_eq!(shed.outcome(), Outcome::RetryAfter(ResultName::Overloaded, 400));
    assert_eq!((0..50).filter(|_| other.enter().is_ok()).count(), 5, "another's flood is not its own");
    tokio::time::advance(Duration::from_millis(400)).await;
    assert_eq!((0..5).filter(|_| one.enter().is_ok()).count(), 4, "it said when, for several");
}

#[tokio::test(start_paused = true)]
async fn r40_streams_are_slowed_down_to_their_bytes_without_a_turn() {
    let admission = Admission::new(1);
    let (slow, other) =
        (admission.body("1", paced(100, 100, 1_000)), admission.body("2", paced(100, 100, 1_000)));
    let mut pass = Pass::enter(&admission, &slow, false).await.unwrap();
    let began = Instant::now();
    let importing = tokio::spawn(async move {
        for _ in 0..5 {
            pass.rest();
            pass.received(1_000).await.unwrap();
        }
        pass
    });
    tokio::task::yield_now().await;
    // It pauses between two messages, and holds nothing meanwhile.
    assert!(admission.turn(&other, 1, Duration::ZERO, false).await.is_ok());
    let mut pass = importing.await.unwrap();
    assert_eq!(
        began.elapsed().as_secs(),
        4,
        "5,000 bytes at 1,000 a second, of which a second's worth at once"
    );
    pass.sending(1_000_000).await.unwrap();
    let told = pass.sending(1).await.unwrap_err();
    assert_eq!((told.reason, told.retry_after_ms), (Reason::Bytes, RETRY_AFTER_MAX_MS));
    assert_eq!(slow.enter().unwrap_err().reason, Reason::Bytes, "nor does a new request come in");
    assert!(other.enter().is_ok());
    tokio::time::advance(Duration::from_secs(1_000)).await;
    assert!(slow.enter().is_ok());
}

#[tokio::test(start_paused = true)]
async fn r40_calls_that_read_everything_are_few() {
    let admission = Admission::new(64);
    let body = admission.body("1", Bounds { scans: 1, ..paced(100, 100, 1_000) });
    let first = Pass::enter(&admission, &body, true).await.unwrap();
    let second = Pass::enter(&admission, &body, true).await;
    assert_eq!(second.err().unwrap().reason, Reason::Scans);
    assert!(Pass::enter(&admission, &body, false).await.is_ok(), "others go on");
    drop(first);
    assert!(Pass::enter(&admission, &body, true).await.is_ok());
}

#[test]
fn r40_a_body_over_its_storage_is_added_nothing_until_it_is_measured_below() {
    let admission = Admission::new(1);
    let body = admission.body("1", Bounds { storage_bytes: 1_000, ..Bounds::places(1) });
    assert!(body.room().is_ok(), "not measured yet");
    assert!(!body.measured(1_000) && body.room().is_ok());
    assert!(body.measured(1_001));
    assert_eq!(body.room().unwrap_err().reason, Reason::Storage);
    assert!(body.enter().is_ok(), "reads go on");
    assert!(!body.measured(999) && body.room().is_ok());
}

#[test]
fn r1_callers_are_held_to_their_own_bodys_limits_whatever_they_ask_about() {
    let admission = Admission::new(1);
    let own: chukei_wire::body_code::BodyCode = "982016".parse().unwrap();
    let limits = table::BodyLimits::new(&admission, [(own, paced(1, 1, 1))], paced(1, 1, 1));
    let caller = |text: &str| limits.of_caller(&text.parse().unwrap()).flow();
    let of_own = limits.of(Some(own)).flow();
    assert_eq!(caller("chukei://body/982016/staff/u-tax-07"), of_own);
    let others = limits.of(Some("982024".parse().unwrap())).flow();
    assert_ne!(others, of_own);
    assert_eq!(limits.of(None).flow(), others, "no body and an unknown one share limits");
    assert_eq!(caller("chukei://body/982024/staff/x"), others);
    assert!(![of_own, others].contains(&caller("chukei://platform/operator/o-1")));
}
