//! The turn of the day on a real keyring: what it destroys and what it leaves, whichever way the clock jumps.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use chukei_crypto::keyring::Keyring;
use chukei_crypto::seal::Purpose;
use chukei_domain::day::start_of;
use chukei_domain::event::{Event, KeyClass};
use chukei_store::{Batch, RowKey, Space};
use chukei_wire::id::NoticeId;
use proptest::prelude::*;

use super::sweep::{Turns, compact, sweep};
use super::{Remembered, turn};
use crate::access::grant::duty_write;
use crate::hosted::HostedBody;
use crate::hosted::notices::{NoticeStub, NoticeTarget};
use crate::hosted::persons::PersonRef;
use crate::hosted::rows::SealedFor;
use crate::hosted::samples::Sample;
use crate::rotation::rotate;
use chukei_wire::message::keys::KeysRotateRequest;

/// The day on which the sample's keyrings were made.
const TODAY: u32 = 20_000;
const DAY_MS: u64 = 86_400_000;
const KEEP: u32 = 7;

fn epochs(body: &HostedBody) -> Vec<u32> {
    let file = body.keyring();
    let epochs = file.provider().epochs(file.owner()).unwrap();
    assert_eq!(epochs.last(), Some(&file.ids().epoch), "the newest is in use");
    epochs
}

fn events(body: &HostedBody) -> Vec<Event> {
    body.audit().walk(1).map(|record| record.unwrap().event).collect()
}

#[tokio::test]
async fn each_day_has_its_epoch_for_as_many_days_as_are_kept_and_leaves_events() {
    let sample = Sample::new().await;
    let (body, scope) = (sample.body("982016"), sample.scope("982016"));
    body.keyring().ensure_day_key(Purpose::Notices, TODAY + 2).unwrap();
    for day in TODAY..=TODAY + 10 {
        turn(&scope, day, KEEP, 0).await.unwrap();
        let first = TODAY.max((day + 1).saturating_sub(KEEP));
        assert_eq!(epochs(&body), (first..=day).collect::<Vec<_>>());
        assert_eq!(body.keys().days(Purpose::Notices).len(), usize::from(day <= TODAY + 2));
    }
    let events = events(&body);
    let count = |wanted: &dyn Fn(&Event) -> bool| events.iter().filter(|event| wanted(event)).count();
    let turned = |event: &Event| matches!(event, Event::KeysRotated { class: KeyClass::Epoch, .. });
    assert_eq!(count(&turned), 10);
    let gone = |event: &Event| matches!(event, Event::KeyDestroyed { class: KeyClass::Epoch, .. });
    assert_eq!(count(&gone), 4);
    let erased = Event::Erased { purpose: "notices".into(), day: TODAY + 2 };
    assert_eq!(count(&|event: &Event| *event == erased), 1);
}

#[tokio::test]
async fn a_clock_that_jumps_forward_and_back_destroys_no_more_than_its_own_day() {
    let sample = Sample::new().await;
    let person = sample.enroll("982016", 1).await;
    let (body, scope) = (sample.body("982016"), sample.scope("982016"));
    let grant = duty_write(&scope, "test");
    let readable = async || body.person(&grant, &person.person.id).await.unwrap().is_some();
    body.keyring().ensure_day_key(Purpose::Notices, TODAY + 100).unwrap();
    for (day, kept) in [
        (TODAY + 40, vec![TODAY + 40]),
        // Back: the epoch of the wrong day stays in use, and nothing is made again that was destroyed.
        (TODAY + 1, vec![TODAY + 40]),
        (TODAY, vec![TODAY + 40]),
        (TODAY + 41, vec![TODAY + 40, TODAY + 41]),
        (0, vec![TODAY + 40, TODAY + 41]),
        (TODAY + 42, vec![TODAY + 40, TODAY + 41, TODAY + 42]),
    ] {
        turn(&scope, day, KEEP, 0).await.unwrap();
        assert_eq!(epochs(&body), kept, "on day {day}");
        assert!(readable().await);
        assert_eq!(body.keys().days(Purpose::Notices), [TODAY + 100]);
    }
    let refused = body.keyring().ensure_day_key(Purpose::Notices, TODAY + 39);
    assert!(refused.is_err(), "a day that was ended is not begun again");
}

#[tokio::test]
async fn epochs_turned_by_hand_are_at_most_a_day_ahead_and_end_none_early() {
    let sample = Sample::new().await;
    let (body, scope) = (sample.body("982016"), sample.scope("982016"));
    for day in TODAY..=TODAY + KEEP - 1 {
        turn(&scope, day, KEEP, 0).await.unwrap();
    }
    let kept = epochs(&body);
    let (today, request) =
        (TODAY + KEEP - 1, KeysRotateRequest { epoch: true, ..KeysRotateRequest::default() });
    for _ in 0..3 {
        rotate(&duty_write(&scope, "test"), request, KEEP, today, u64::from(today) * DAY_MS).await.unwrap();
        assert_eq!(epochs(&body), [kept.as_slice(), &[TODAY + KEEP]].concat());
    }
    // The next day is there already: it has its epoch, and the oldest ends with it.
    turn(&scope, TODAY + KEEP, KEEP, 0).await.unwrap();
    assert_eq!(epochs(&body), (TODAY + 1..=TODAY + KEEP).collect::<Vec<_>>());
}

#[tokio::test]
async fn r23_a_day_is_over_by_both_clocks_and_what_was_witnessed_is_remembered() {
    let sample = Sample::new().await;
    let body = sample.body("982016");
    let at = |day: u32| start_of(day) + DAY_MS / 2;
    let mut remembered = Remembered::default();
    let mut settle = async |local, witnessed: Option<u32>| {
        remembered.settled(&body, at(local), witnessed.map(at)).await.unwrap()
    };
    assert_eq!(settle(TODAY + 9, None).await, None, "nobody has vouched for any time");
    assert_eq!(settle(TODAY + 9, Some(TODAY)).await, Some(TODAY), "the local clock has jumped forward");
    assert_eq!(settle(TODAY, Some(TODAY + 2)).await, Some(TODAY), "or back");
    assert_eq!(settle(TODAY + 1, Some(TODAY + 1)).await, Some(TODAY + 1));
    assert_eq!(settle(TODAY + 9, Some(TODAY)).await, Some(TODAY + 1), "what was witnessed does not go back");
    let mut restarted = Remembered::default();
    assert_eq!(restarted.settled(&body, at(TODAY + 9), None).await.unwrap(), Some(TODAY + 1));
    let mut elsewhere = Remembered::default();
    let other = sample.body("982024");
    assert_eq!(elsewhere.settled(&other, at(TODAY + 9), None).await.unwrap(), None, "each body by itself");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    /// R23, retention: whatever the two clocks do, a key goes when both have passed its day and not before, it never
    /// comes back, and no epoch is of a day that only one of them has seen.
    #[test]
    fn r23_jumping_clocks_end_only_days_that_both_have_passed(
        moments in proptest::collection::vec((0_u32..40, proptest::option::of(0_u32..40)), 1..16),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let sample = Sample::new().await;
            let (body, scope) = (sample.body("982016"), sample.scope("982016"));
            let all = |keys: &mut Keyring| {
                (0..40).try_for_each(|day| keys.ensure_day_key(Purpose::Notices, TODAY + day).map(drop))
            };
            body.keyring().update(all).unwrap();
            let (mut remembered, mut witnessed, mut ended) = (Remembered::default(), None, 0);
            for (local, heard) in moments {
                let local = TODAY + local;
                witnessed = witnessed.max(heard.map(|day| TODAY + day));
                // A role's witnessed time never goes back: that is shown where it is made.
                let told = witnessed.map(start_of);
                let settled = remembered.settled(&body, start_of(local), told).await.unwrap();
                assert_eq!(settled, witnessed.map(|witnessed| local.min(witnessed)));
                if let Some(today) = settled {
                    turn(&scope, today, KEEP, 0).await.unwrap();
                    ended = ended.max(today - TODAY);
                }
                let left: Vec<u32> = (TODAY + ended..TODAY + 40).collect();
                assert_eq!(body.keys().days(Purpose::Notices), left);
                assert!(epochs(&body).iter().all(|epoch| *epoch <= TODAY + ended));
                for over in TODAY..TODAY + ended {
                    assert!(body.keyring().ensure_day_key(Purpose::Notices, over).is_err());
                }
            }
        });
    }
}

/// Turns without waiting, of which there may be so many.
struct Counted {
    left: AtomicUsize,
    swept: AtomicUsize,
    given_back: AtomicU64,
}

impl Counted {
    fn new(turns: usize) -> Self {
        Self { left: turns.into(), swept: 0.into(), given_back: 0.into() }
    }
}

impl Turns for Counted {
    async fn turn(&self, rows: usize) -> bool {
        assert!(rows <= super::sweep::SWEEP_ROWS, "small batches only");
        self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok()
    }

    fn swept(&self, rows: usize) {
        self.swept.fetch_add(rows, Ordering::SeqCst);
    }

    fn given_back(&self, bytes: u64) {
        self.given_back.fetch_add(bytes, Ordering::SeqCst);
    }
}

/// A notice as registration writes it, with so many targets and a day of its own.
async fn notice(body: &HostedBody, id: u8, expiry_day: u32, targets: u32, person: PersonRef) -> NoticeStub {
    let id = NoticeId([id; 16]);
    let affair = "JM99000000001000".to_owned();
    let stub = NoticeStub { id, affair, targets, publish_at_ms: 1, expiry_day, fingerprint: [0; 32] };
    for purpose in [Purpose::Notices, Purpose::Answers] {
        body.keyring().ensure_day_key(purpose, expiry_day).unwrap();
    }
    let mut batch = body
        .put(Batch::new(), Space::Notice, HostedBody::stub_row(id), HostedBody::STUB, &stub)
        .await
        .unwrap();
    let (row, seal) = (HostedBody::content_row(id), SealedFor::until(Purpose::Notices, expiry_day, None));
    batch = body.put(batch, Space::Notice, row, seal, &"content").await.unwrap();
    batch =
        body.put(batch, Space::Outbox, HostedBody::outbox_row(&stub), HostedBody::STUB, &id).await.unwrap();
    batch = body.put_expiry(batch, &stub).await.unwrap();
    for ordinal in 0..targets {
        let delivery = body.delivery_id(id, ordinal);
        let target = NoticeTarget { person, addressee: "x".repeat(2_000), delivery };
        batch = body.put_target(batch, &stub, ordinal, &target).await.unwrap();
    }
    body.apply(batch).await.unwrap();
    stub
}

async fn count(body: &HostedBody, space: Space) -> u64 {
    body.partition().count(&RowKey::new(space)).await.unwrap()
}

#[tokio::test]
async fn rows_of_ended_days_go_in_small_batches_and_their_space_is_given_back() {
    let sample = Sample::new().await;
    let person = sample.enroll("982016", 1).await.person;
    let (body, scope) = (sample.body("982016"), sample.scope("982016"));
    let grant = duty_write(&scope, "test");
    let over = notice(&body, 1, TODAY, 1_500, person).await;
    let open = notice(&body, 2, TODAY + 1, 3, person).await;
    turn(&scope, TODAY + 1, KEEP, 0).await.unwrap();

    // Stopped in between: what is left is swept later, and nobody is in its way.
    let stopped = Counted::new(3);
    assert!(!sweep(&grant, &stopped, TODAY + 1).await.unwrap());
    assert_eq!(stopped.swept.into_inner(), 750);
    assert_eq!(count(&body, Space::NoticeTarget).await, 753);
    let turns = Counted::new(usize::MAX);
    assert!(sweep(&grant, &turns, TODAY + 1).await.unwrap());
    assert_eq!(turns.swept.load(Ordering::SeqCst), 750 + 3);
    assert_eq!([count(&body, Space::NoticeTarget).await, count(&body, Space::Outbox).await], [3, 1]);
    assert_eq!(body.notice_stub(&grant, over.id).await.unwrap(), Some(over), "that it was, stays");
    assert_eq!(body.notice_targets(&grant, &open, 0, 3).await.unwrap().len(), 3, "what is open stays");
    let before = body.partition().usage().await.unwrap();
    compact(&body, &turns).await.unwrap();
    let after = body.partition().usage().await.unwrap();
    assert!(turns.given_back.into_inner() >= 2_000_000, "{before:?} {after:?}");
    assert!(after.reclaimable < before.reclaimable / 5, "{before:?} {after:?}");
}

#[tokio::test]
async fn notices_of_before_the_index_are_indexed_once_and_found() {
    let sample = Sample::new().await;
    let person = sample.enroll("982016", 1).await.person;
    let (body, scope) = (sample.body("982016"), sample.scope("982016"));
    let grant = duty_write(&scope, "test");
    for (id, day) in [(1, TODAY), (2, TODAY + 1)] {
        let stub = notice(&body, id, day, 2, person).await;
        body.apply(Batch::new().delete(HostedBody::expiry_row(day, stub.id))).await.unwrap();
    }
    assert_eq!(count(&body, Space::Expiry).await, 0);
    let turns = Counted::new(usize::MAX);
    assert!(sweep(&grant, &turns, TODAY + 1).await.unwrap());
    assert_eq!([count(&body, Space::Expiry).await, count(&body, Space::NoticeTarget).await], [1, 2]);
    assert!(sweep(&grant, &turns, TODAY + 2).await.unwrap());
    assert_eq!([count(&body, Space::Expiry).await, count(&body, Space::NoticeTarget).await], [0, 0]);
}
