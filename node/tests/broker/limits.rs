//! Bounds: what is too much at once, what takes too long, and how a broker stops.

use bytes::Bytes;
use chukei_relay_client::session::open_request;
use chukei_wire::frame::Outcome;
use chukei_wire::header::{Header, Kind};
use chukei_wire::result::ResultName;

use crate::stage::{Stage, about, answered, ask, header, heard, outcome};

#[tokio::test]
async fn r40_too_much_at_once_is_an_answer_and_one_body_leaves_room_for_another() {
    let stage = Stage::with("[limits]\nin_flight = 2\nin_flight_per_body = 1").await;
    let (portal, node) = stage.peers().await;
    let code = stage.code(&portal, "portal/mynaportal", 42).await;
    let mut first = ask(&portal, &header(Kind::SelfInfo), &about(code)).await;
    let mut held = heard(&node).await;
    let shed = outcome(&portal, &header(Kind::SelfInfo), &about(code)).await;
    assert!(matches!(shed, Outcome::RetryAfter(ResultName::Overloaded, 1..)), "{shed:?}");
    let other = Header { body: Some("982024".parse().unwrap()), ..header(Kind::SelfInfo) };
    let mut second = ask(&portal, &other, &about(code)).await;
    let mut held_too = heard(&node).await;
    for request in [&mut held, &mut held_too] {
        request.end_with(Outcome::Answered).await.unwrap();
    }
    assert_eq!(first.read_status().await, Ok(Outcome::Answered));
    assert_eq!(second.read_status().await, Ok(Outcome::Answered));
    stage.shows("/metrics", r#"chukei_shed_total{reason="room",role="broker"} 1"#).await;
    stage.shows("/metrics", r#"chukei_in_flight{role="broker"} 0"#).await;
    let outcome = answered(&portal, &node, &header(Kind::SelfInfo), &about(code)).await;
    assert_eq!(outcome, Outcome::Answered);
}

#[tokio::test]
async fn a_stalled_sender_is_dropped_at_its_deadline() {
    let stage = Stage::set().await;
    let (portal, node) = stage.peers().await;
    let code = stage.code(&portal, "portal/mynaportal", 42).await;
    let short = Header { deadline_ms: 200, ..header(Kind::SelfInfo) };
    let mut open = open_request(&portal, &short, &about(code)).await.unwrap();
    open.send.write_raw(Bytes::from_static(b"the beginning of a body")).await.unwrap();
    let mut request = heard(&node).await;
    request.set_deadline(tokio::time::Instant::now() + std::time::Duration::from_secs(30));
    let end = loop {
        match request.recv.read_raw_chunk(usize::MAX).await {
            Ok(Some(_)) => {}
            end => break end,
        }
    };
    assert!(end.is_err(), "{end:?}");
    stage.shows("/metrics", r#"chukei_in_flight{role="broker"} 0"#).await;
}

#[tokio::test]
async fn a_reply_over_every_limit_is_cut_and_never_looks_complete() {
    let stage = Stage::set().await;
    let (portal, node) = stage.peers().await;
    let code = stage.code(&portal, "portal/mynaportal", 42).await;
    let mut open = ask(&portal, &header(Kind::SelfInfo), &about(code)).await;
    let flooding = async {
        let mut request = heard(&node).await;
        request.put_status(Outcome::Answered).await.unwrap();
        let chunk = Bytes::from(vec![0; 1024 * 1024]);
        while request.send.write_raw(chunk.clone()).await.is_ok() {}
    };
    let reading = async {
        assert_eq!(open.read_status().await, Ok(Outcome::Answered));
        let mut total = 0;
        loop {
            match open.recv.read_raw_chunk(usize::MAX).await {
                Ok(Some(chunk)) => total += chunk.len(),
                end => break (total, end.is_err()),
            }
        }
    };
    let ((), (total, cut)) = tokio::join!(flooding, reading);
    assert!(cut && total <= 10 * 1024 * 1024, "{total} bytes");
}

#[tokio::test]
async fn a_stop_lets_what_was_begun_end_and_turns_away_what_comes() {
    let stage = Stage::set().await;
    let (portal, node) = stage.peers().await;
    let code = stage.code(&portal, "portal/mynaportal", 42).await;
    let mut begun = ask(&portal, &header(Kind::SelfInfo), &about(code)).await;
    let mut held = heard(&node).await;
    stage.stop.send_replace(true);
    while outcome(&portal, &header(Kind::Announce), &about(code)).await
        != Outcome::RetryAfter(ResultName::NotReady, 1_000)
    {}
    held.end_with(Outcome::Answered).await.unwrap();
    assert_eq!(begun.read_status().await, Ok(Outcome::Answered));
    stage.running.await.unwrap().unwrap();
    portal.closed().await;
}
