//! Channels end by age, count and stop; a wrong scope is the same as no channel; one set-up at a time.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::*;
use crate::channel::Role;
use crate::channel::tests::{OTHER, OWN, end, scope};
use crate::peers::{Hex, Identities};

mod identities;

fn limits() -> ChannelLimits {
    ChannelLimits { capacity: 2, per_scope: 2, max_age_ms: 1000, max_bodies: 100, grace_ms: 100 }
}

fn identities(keys: &[&[u8]]) -> Identities {
    keys.iter().map(|key| Hex(key.to_vec())).collect::<Vec<_>>().try_into().unwrap()
}

/// The identities of the other side, as most tests have them.
static LISTED: LazyLock<Identities> = LazyLock::new(|| identities(&[&OTHER]));

fn parties() -> Parties<'static> {
    Parties { own: &OWN, other: &LISTED }
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(10)
}

fn body() -> Scope {
    scope("982016")
}

fn id(byte: u8) -> ChannelId {
    ChannelId([byte; 16])
}

#[test]
fn r1_r33_another_scope_finds_nothing() {
    let table = Channels::new(limits());
    table.insert(end(1, Role::Responder, 0), 0).unwrap();
    assert!(table.get(id(1), &body(), 0).is_ok());
    assert_eq!(table.get(id(1), &scope("982024"), 0).unwrap_err(), ChannelUnusable::Unknown);
    assert_eq!(table.get(id(2), &body(), 0).unwrap_err(), ChannelUnusable::Unknown);
}

#[test]
fn an_answered_channel_ends_by_age_and_by_count() {
    let table = Channels::new(limits());
    let channel = table.insert(end(1, Role::Responder, 0), 0).unwrap();
    assert!(table.get(id(1), &body(), 1099).is_ok());
    for _ in 0..200 {
        assert!(table.get(id(1), &body(), 0).is_ok());
        channel.count_body().unwrap();
    }
    assert_eq!(table.get(id(1), &body(), 0).unwrap_err(), ChannelUnusable::Unknown);
    table.insert(end(2, Role::Responder, 0), 0).unwrap();
    assert_eq!(table.get(id(2), &body(), 1100).unwrap_err(), ChannelUnusable::Unknown);
    assert_eq!(table.counts(), (0, 0), "what is over is not kept");
    table.insert(end(3, Role::Responder, 0), 0).unwrap();
    table.expire(1099);
    assert_eq!(table.counts(), (1, 0));
    table.expire(1100);
    assert_eq!(table.counts(), (0, 0));
}

#[test]
fn r35_a_stopped_channel_stays_known_as_stopped() {
    let table = Channels::new(limits());
    table.insert(end(1, Role::Responder, 0), 0).unwrap();
    table.stop(id(1));
    assert_eq!(table.get(id(1), &body(), 0).unwrap_err(), ChannelUnusable::Stopped);
}

#[test]
fn r40_a_full_table_lets_the_oldest_go() {
    let table = Channels::new(ChannelLimits { per_scope: 8, ..limits() });
    for byte in 1..=3 {
        table.insert(end(byte, Role::Responder, 40), 40).unwrap();
    }
    assert_eq!(table.counts(), (2, 0));
    assert_eq!(table.get(id(1), &body(), 40).unwrap_err(), ChannelUnusable::Unknown);
    assert!(table.get(id(2), &body(), 40).is_ok());
}

#[test]
fn r40_a_scope_that_sets_up_channel_after_channel_crowds_out_itself_alone() {
    let table = Channels::new(ChannelLimits { capacity: 8, ..limits() });
    let quiet = Channel { scope: scope("982024"), ..end(200, Role::Responder, 0) };
    table.insert(quiet, 0).unwrap();
    for byte in 1..=100 {
        table.insert(end(byte, Role::Responder, 0), 0).unwrap();
    }
    assert_eq!(table.counts(), (3, 0));
    assert!(table.get(id(200), &scope("982024"), 0).is_ok());
    assert!(table.get(id(99), &body(), 0).is_ok() && table.get(id(100), &body(), 0).is_ok());
}

#[tokio::test]
async fn many_callers_share_one_set_up() {
    let table = Arc::new(Channels::new(limits()));
    let set_ups = Arc::new(AtomicUsize::new(0));
    let callers: Vec<_> = (0..8)
        .map(|_| {
            let (table, set_ups) = (Arc::clone(&table), Arc::clone(&set_ups));
            tokio::spawn(async move {
                let set_up = || async move {
                    set_ups.fetch_add(1, Ordering::Relaxed);
                    tokio::task::yield_now().await;
                    Ok(end(1, Role::Initiator, 0))
                };
                table.get_or_setup(&body(), parties(), 0, soon(), set_up).await.unwrap().id()
            })
        })
        .collect();
    for caller in callers {
        assert_eq!(caller.await.unwrap(), id(1));
    }
    assert_eq!(set_ups.load(Ordering::Relaxed), 1);
}

async fn opened(table: &Channels, now_ms: u64, byte: u8) -> ChannelId {
    let set_up = || async move { Ok(end(byte, Role::Initiator, now_ms)) };
    table.get_or_setup(&body(), parties(), now_ms, soon(), set_up).await.unwrap().id()
}

#[tokio::test]
async fn an_opened_channel_is_replaced_when_old_worn_stopped_or_forgotten() {
    let table = Channels::new(limits());
    assert_eq!(opened(&table, 0, 1).await, id(1));
    assert_eq!(opened(&table, 999, 2).await, id(1));
    assert_eq!(opened(&table, 1000, 2).await, id(2), "old");
    table.stop(id(2));
    assert_eq!(opened(&table, 1000, 3).await, id(3), "stopped");
    table.forget(&end(2, Role::Initiator, 0));
    assert_eq!(opened(&table, 1000, 4).await, id(3), "another was forgotten");
    table.forget(&end(3, Role::Initiator, 0));
    assert_eq!(opened(&table, 1000, 4).await, id(4), "forgotten");
}

#[tokio::test]
async fn a_worn_channel_serves_on_while_no_other_is_had_and_not_beyond_its_end() {
    let table = Channels::new(ChannelLimits { max_bodies: 4, ..limits() });
    let failing = || async { Err(ChannelError::Handshake) };
    assert_eq!(opened(&table, 5000, 1).await, id(1));
    assert_eq!(opened(&table, 5000, 2).await, id(1));
    let worn = table.get_or_setup(&body(), parties(), 5000, soon(), failing).await;
    assert_eq!(worn.unwrap().id(), id(1), "the failure of a replacement fails no request");
    let over = table.get_or_setup(&body(), parties(), 5000, soon(), failing).await;
    assert_eq!(over.unwrap_err(), ChannelError::Handshake);
    assert_eq!(opened(&table, 5000, 2).await, id(2));
}

#[tokio::test]
async fn a_replacement_that_stalls_holds_up_nobody_else() {
    let table = Arc::new(Channels::new(limits()));
    assert_eq!(opened(&table, 0, 1).await, id(1));
    let (begun, waiting) = tokio::sync::oneshot::channel();
    let stalling = tokio::spawn({
        let table = Arc::clone(&table);
        async move {
            let set_up = || async {
                begun.send(()).unwrap();
                std::future::pending().await
            };
            table.get_or_setup(&body(), parties(), 1000, soon(), set_up).await.unwrap().id()
        }
    });
    waiting.await.unwrap();
    assert_eq!(opened(&table, 1000, 2).await, id(1));
    assert_eq!(stalling.await.unwrap(), id(1), "it serves the one who waited, too");
    assert_eq!(opened(&table, 1001, 2).await, id(1), "not tried again at once");
    assert_eq!(opened(&table, 2000, 2).await, id(2));
}

#[tokio::test]
async fn a_failed_set_up_leaves_the_turn_to_the_next() {
    let table = Channels::new(limits());
    let failing = || async { Err(ChannelError::Handshake) };
    let failed = table.get_or_setup(&body(), parties(), 0, soon(), failing).await;
    assert_eq!(failed.unwrap_err(), ChannelError::Handshake);
    assert_eq!(opened(&table, 0, 1).await, id(1));
}

#[tokio::test]
async fn a_set_up_that_stalls_ends_at_the_deadline() {
    let table = Channels::new(limits());
    let stalled = table.get_or_setup(&body(), parties(), 0, Instant::now(), std::future::pending).await;
    assert_eq!(stalled.unwrap_err(), ChannelError::Deadline);
}

#[tokio::test]
async fn r40_scopes_are_bounded_and_idle_ones_make_room() {
    let table = Channels::new(limits());
    for code in ["982016", "982024"] {
        let set_up = || async { Ok(end(1, Role::Initiator, 0)) };
        table.get_or_setup(&scope(code), parties(), 0, soon(), set_up).await.unwrap();
    }
    let third = scope("983012");
    let set_up = || async { Ok(end(3, Role::Initiator, 5000)) };
    let full = table.get_or_setup(&third, parties(), 0, soon(), set_up).await;
    assert_eq!(full.unwrap_err(), ChannelError::Full);
    let set_up = || async { Ok(end(3, Role::Initiator, 5000)) };
    assert!(table.get_or_setup(&third, parties(), 5000, soon(), set_up).await.is_ok());
}
