//! The turn of the day on a real keyring: what it destroys and what it leaves, whichever way the clock jumps.

use chukei_crypto::seal::Purpose;
use chukei_domain::event::{Event, KeyClass};

use super::turn;
use crate::access::decision::duty_write;
use crate::hosted::HostedBody;
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
        (u64::from(TODAY + KEEP - 1), KeysRotateRequest { epoch: true, ..KeysRotateRequest::default() });
    for _ in 0..3 {
        rotate(&duty_write(&scope, "test"), request, KEEP, today * DAY_MS).await.unwrap();
        assert_eq!(epochs(&body), [kept.as_slice(), &[TODAY + KEEP]].concat());
    }
    // The next day is there already: it has its epoch, and the oldest ends with it.
    turn(&scope, TODAY + KEEP, KEEP, 0).await.unwrap();
    assert_eq!(epochs(&body), (TODAY + 1..=TODAY + KEEP).collect::<Vec<_>>());
}
