//! Acts in their rows, on real stores: in order, changed once, kept and let go; and a catalogue that a body has loaded.

use chukei_domain::act::{Act, Moment, State, Subject, Waits};
use chukei_store::StoreError;

use super::rows::{self, Loaded, Row};
use crate::access::grant::duty_write;
use crate::hosted::HostedBody;
use crate::hosted::catalogues::LoadError;
use crate::hosted::rows::RowError;
use crate::hosted::samples::Sample;

const BODY: &str = "982016";
const YEAR_MS: u64 = 366 * 86_400_000;
const WAITS: Waits = Waits { wait_ms: 0, expire_ms: 1_000 };
const CATALOGUE: &str = include_str!("../../domain/catalogue/20240101.toml");

fn act(number: u8, at_ms: u64) -> Row {
    let at = Moment::new(at_ms, Some(at_ms));
    let first = "chukei://body/982016/staff/u-tax-07";
    Row::new(Act::request([number; 16], Subject::KeyringCopy, "R8-1", first, at, WAITS).unwrap(), None)
}

fn ids(all: &[Loaded]) -> Vec<u8> {
    all.iter().map(|loaded| loaded.row.act.id[0]).collect()
}

async fn cancelled(body: &HostedBody, number: u8, at_ms: u64) {
    let mut loaded = rows::load(body, [number; 16]).await.unwrap().unwrap();
    loaded.row.act.cancel("chukei://body/982016/staff/u-tax-07", Moment::new(at_ms, Some(at_ms))).unwrap();
    loaded.save(body).await.unwrap();
}

#[tokio::test]
async fn r23_acts_stand_in_their_order_across_a_restart_and_are_changed_as_they_were_read() {
    let sample = Sample::new().await;
    let body = sample.body(BODY);
    for number in [3, 1, 2] {
        rows::add(&body, act(number, 1_000), (number == 2).then_some("text")).await.unwrap();
    }
    let (page, more) = rows::page(&body, Some(&[1; 16]), 1).await.unwrap();
    assert_eq!((ids(&page), more), (vec![2], true));
    drop(body);
    let sample = sample.reopened().await;
    let body = sample.body(BODY);
    assert_eq!(ids(&rows::all(&body).await.unwrap()), [1, 2, 3]);
    assert_eq!(rows::text(&body, [2; 16]).await.unwrap().as_deref(), Some("text"));
    assert_eq!(rows::text(&body, [1; 16]).await.unwrap(), None);

    let (one, other) = (rows::load(&body, [1; 16]).await.unwrap(), rows::load(&body, [1; 16]).await.unwrap());
    one.unwrap().save(&body).await.unwrap();
    let late = other.unwrap().save(&body).await;
    assert!(matches!(late, Err(RowError::Store(StoreError::Conflict))), "{late:?}");
    let again = rows::add(&body, act(1, 1_000), None).await;
    assert!(matches!(again, Err(RowError::Store(StoreError::Conflict))), "{again:?}");
    assert!(
        rows::all(&sample.body("982024")).await.unwrap().is_empty(),
        "another body has none of them (R1)"
    );
}

#[tokio::test]
async fn what_ended_a_year_ago_goes_with_its_text_and_what_is_open_stays() {
    let sample = Sample::new().await;
    let body = sample.body(BODY);
    for number in 1..=3 {
        rows::add(&body, act(number, 1_000), Some("text")).await.unwrap();
    }
    cancelled(&body, 1, 2_000).await;
    cancelled(&body, 2, 5_000).await;
    let tidied = async |settled_ms| {
        rows::tidy(&body, &rows::all(&body).await.unwrap(), settled_ms).await.unwrap();
        ids(&rows::all(&body).await.unwrap())
    };
    assert_eq!(tidied(YEAR_MS + 1_999).await, [1, 2, 3]);
    assert_eq!(tidied(YEAR_MS + 2_000).await, [2, 3]);
    assert_eq!(rows::text(&body, [1; 16]).await.unwrap(), None);
    assert_eq!(tidied(10 * YEAR_MS).await, [3], "its worker lets it expire, which is told");
    assert_eq!(rows::load(&body, [3; 16]).await.unwrap().unwrap().row.act.state, State::Requested);
}

#[tokio::test]
async fn r13_a_loaded_catalogue_is_there_after_a_restart_and_gives_way_to_none_before_it() {
    let sample = Sample::new().await;
    let (body, scope) = (sample.body(BODY), sample.scope(BODY));
    let grant = duty_write(&scope, "test");
    let of = |day: &str| CATALOGUE.replace("20240101", day);
    body.load_catalogue(&grant, &of("20270401")).await.unwrap();
    let older = body.load_catalogue(&grant, &of("20260401")).await;
    assert!(matches!(older, Err(LoadError::Older)), "{older:?}");
    let none = body.load_catalogue(&grant, "version = 1").await;
    assert!(matches!(none, Err(LoadError::Malformed(_))), "{none:?}");
    body.load_catalogue(&grant, &of("20270401")).await.unwrap();
    drop((grant, scope, body));
    let sample = sample.reopened().await;
    let body = sample.body(BODY);
    assert!(body.own_catalogue().is_none());
    body.recall_catalogue().await.unwrap();
    assert_eq!(body.own_catalogue().unwrap().version(), "20270401");
    let other = sample.body("982024");
    other.recall_catalogue().await.unwrap();
    assert!(other.own_catalogue().is_none());
}
