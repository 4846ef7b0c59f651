//! The head of a request and the status of its reply (R32).

use std::time::Duration;

use chukei_relay_client::request_id;
use chukei_relay_client::session::{AcceptedRequest, SessionError, accept_request, open_request, put_status};
use chukei_relay_client::stream::StreamError;
use chukei_wire::frame::{FrameType, Outcome};
use chukei_wire::header::{Direction, Header, HeaderError, Hop, Kind, PersonCode};
use chukei_wire::id::HeaderHash;
use chukei_wire::limits::VERSION;
use chukei_wire::result::ResultName;
use tokio::time::Instant;

use crate::stage::Stage;

pub(crate) fn header(kind: Kind, direction: Direction, now_ms: u64) -> Header {
    Header {
        version: VERSION,
        kind,
        direction,
        request_id: request_id::fresh(now_ms).unwrap(),
        body: Some("982016".parse().unwrap()),
        portal: Some("mynaportal".to_owned()),
        affair: None,
        datasets: Vec::new(),
        channel: None,
        deadline_ms: 20_000,
        idempotency_key: None,
        retry_of: None,
        authn_ref: None,
    }
}

fn announcing(stage: &Stage) -> Header {
    header(Kind::Announce, Direction::Hop, stage.clock.now_ms())
}

pub(crate) async fn accepted(stage: &Stage) -> Result<AcceptedRequest, SessionError> {
    let (send, recv) = stage.at_broker.accept().await.unwrap();
    accept_request(send, recv).await
}

#[tokio::test]
async fn a_request_arrives_whole_and_its_reply_echoes_it() {
    let stage = Stage::set().await;
    let header = announcing(&stage);
    let hop = Hop { sender_code: Some(PersonCode([3; 17])), permit: None, leave: None };
    let mut request = open_request(&stage.at_node, &header, &hop).await.unwrap();
    request.send.finish().await.unwrap();
    let mut accepted = accepted(&stage).await.unwrap();
    assert_eq!(accepted.header, header);
    assert_eq!(accepted.hop, hop);
    assert_eq!(accepted.header_hash, request.header_hash);
    accepted.recv.expect_end().await.unwrap();
    accepted.end_with(Outcome::Refused(ResultName::NotFound)).await.unwrap();
    assert_eq!(request.read_status().await, Ok(Outcome::Refused(ResultName::NotFound)));
    assert_eq!(request.recv.expect_end().await, Ok(()));
}

#[tokio::test]
async fn both_sides_take_their_deadline_from_the_header() {
    let stage = Stage::set().await;
    let before = Instant::now();
    let mut request = open_request(&stage.at_node, &announcing(&stage), &Hop::default()).await.unwrap();
    request.send.flush().await.unwrap();
    let accepted = accepted(&stage).await.unwrap();
    let allowed = Duration::from_secs(20);
    for deadline in [request.send.deadline(), request.recv.deadline(), accepted.deadline()] {
        assert!(deadline >= before + allowed && deadline <= Instant::now() + allowed);
    }
}

#[tokio::test]
async fn r32_a_reply_to_another_request_is_an_integrity_stop() {
    let stage = Stage::set().await;
    let mut request = open_request(&stage.at_node, &announcing(&stage), &Hop::default()).await.unwrap();
    request.send.flush().await.unwrap();
    let mut accepted = accepted(&stage).await.unwrap();
    put_status(&mut accepted.send, HeaderHash([1; 32]), Outcome::Answered).await.unwrap();
    accepted.send.finish().await.unwrap();
    assert_eq!(request.read_status().await, Err(SessionError::WrongEcho));
}

#[tokio::test]
async fn a_request_begins_with_its_header() {
    let stage = Stage::set().await;
    let (mut send, _recv) = stage.at_node.open(crate::stage::soon()).await.unwrap();
    send.write_frame(FrameType::Hop, &Hop::default().to_bytes().unwrap()).await.unwrap();
    let unexpected = StreamError::Unexpected { due: FrameType::Header, got: FrameType::Hop };
    assert_eq!(accepted(&stage).await.unwrap_err(), unexpected.into());
}

#[tokio::test]
async fn a_header_that_is_not_canonical_is_refused() {
    let stage = Stage::set().await;
    let (mut send, _recv) = stage.at_node.open(crate::stage::soon()).await.unwrap();
    let mut bytes = announcing(&stage).to_bytes().unwrap();
    bytes.push(0);
    send.write_frame(FrameType::Header, &bytes).await.unwrap();
    assert!(matches!(accepted(&stage).await, Err(SessionError::Header(HeaderError::Codec(_)))));
}
