//! What goes through: person codes, permits, bytes as they are, ends and resets.

use bytes::Bytes;
use chukei_relay_client::connection::PeerConnection;
use chukei_relay_client::permit::{PermitSession, VerifiedPermit, verify};
use chukei_relay_client::session::{AcceptedRequest, open_request};
use chukei_relay_client::stream::{RecvHalf, ResetCode, StreamError};
use chukei_wire::frame::{FrameType, Outcome};
use chukei_wire::header::{Direction, Header, Kind};
use chukei_wire::id::HeaderHash;
use chukei_wire::result::ResultName;

use crate::stage::{NODE, PORTAL, Stage, about, answered, ask, header, heard, outcome};

fn permit(peer: &PeerConnection, request: &AcceptedRequest) -> Result<VerifiedPermit, ResultName> {
    let session = PermitSession::of(peer).unwrap();
    let permit = request.hop.permit.clone().unwrap();
    let now = chukei_relay_client::clock::Clock::system().now_ms();
    verify(&session, permit, &request.header, request.header_hash, "broker-a", now)
}

async fn rest(recv: &mut RecvHalf) -> Result<Vec<u8>, StreamError> {
    let mut all = Vec::new();
    while let Some(chunk) = recv.read_raw_chunk(usize::MAX).await? {
        all.extend_from_slice(&chunk);
    }
    Ok(all)
}

/// Bytes that are no frames: what is sealed is none of the broker's business.
fn noise(length: usize) -> Bytes {
    (0..length).map(|at| (at * 31 % 251) as u8).collect()
}

#[tokio::test]
async fn a_request_and_its_answer_pass_as_they_are_with_the_persons_code_converted() {
    let stage = Stage::set().await;
    let (portal, node) = stage.peers().await;
    let at_portal = stage.code(&portal, "portal/mynaportal", 42).await;
    let at_node = stage.code(&node, "body/982016", 42).await;
    assert_ne!(at_portal, at_node);
    let header = header(Kind::SelfInfo);
    let asking = async {
        let mut open = open_request(&portal, &header, &about(at_portal)).await.unwrap();
        open.send.write_raw(noise(3_000_000)).await.unwrap();
        assert_eq!(open.read_status().await, Ok(Outcome::Answered));
        assert_eq!(rest(&mut open.recv).await.unwrap(), noise(5_000_000));
        open.send.write_raw(Bytes::from_static(b"opened")).await.unwrap();
        open.send.finish().await.unwrap();
    };
    let answering = async {
        let mut request = heard(&node).await;
        assert_eq!(request.header_bytes, header.to_bytes().unwrap(), "the end-to-end part is never touched");
        assert_eq!(request.hop.sender_code, None, "the asker's own code goes no further");
        let permit = permit(&node, &request).unwrap();
        assert_eq!((permit.person(), permit.number()), (Some(at_node), 1));
        assert_eq!(permit.legal_basis(), "basis of requests");
        let mut body = Vec::new();
        while body.len() < 3_000_000 {
            body.extend_from_slice(&request.recv.read_raw_chunk(usize::MAX).await.unwrap().unwrap());
        }
        assert_eq!(body, noise(3_000_000));
        request.put_status(Outcome::Answered).await.unwrap();
        request.send.write_raw(noise(5_000_000)).await.unwrap();
        request.send.finish().await.unwrap();
        assert_eq!(rest(&mut request.recv).await.unwrap(), b"opened", "the receipt passes after the answer");
    };
    tokio::join!(asking, answering);
    stage
        .shows("/metrics", r#"chukei_requests_total{kind="self-info",result="ANSWERED",role="broker"} 1"#)
        .await;
}

#[tokio::test]
async fn a_notice_and_a_status_query_reach_the_portal_with_their_own_legal_basis() {
    let stage = Stage::set().await;
    let (portal, node) = stage.peers().await;
    let at_portal = stage.code(&portal, "portal/mynaportal", 7).await;
    let at_node = stage.code(&node, "body/982016", 7).await;
    for (kind, hop, person) in [
        (Kind::NoticeDelivery, about(at_node), Some(at_portal)),
        (Kind::NoticeStatus, Default::default(), None),
    ] {
        let header = header(kind);
        let answering = async {
            let mut request = heard(&portal).await;
            let permit = permit(&portal, &request).unwrap();
            assert_eq!((permit.person(), permit.legal_basis()), (person, "basis of notices"));
            request.end_with(Outcome::Answered).await.unwrap();
        };
        let (outcome, ()) = tokio::join!(outcome(&node, &header, &hop), answering);
        assert_eq!(outcome, Outcome::Answered);
    }
}

#[tokio::test]
async fn set_ups_pass_in_both_directions_and_name_nobody() {
    let stage = Stage::set().await;
    let (portal, node) = stage.peers().await;
    for (from, to, direction) in [(&portal, &node, Direction::ToBody), (&node, &portal, Direction::ToPortal)]
    {
        let header = Header { direction, ..header(Kind::ChannelSetup) };
        let answering = async {
            let mut request = heard(to).await;
            assert_eq!(permit(to, &request).unwrap().person(), None);
            assert_eq!(rest(&mut request.recv).await.unwrap(), b"flight");
            request.put_status(Outcome::Answered).await.unwrap();
            request.send.write_raw(Bytes::from_static(b"answer")).await.unwrap();
            request.send.finish().await.unwrap();
        };
        let asking = async {
            let mut open = open_request(from, &header, &Default::default()).await.unwrap();
            open.send.write_raw(Bytes::from_static(b"flight")).await.unwrap();
            open.send.finish().await.unwrap();
            assert_eq!(open.read_status().await, Ok(Outcome::Answered));
            assert_eq!(rest(&mut open.recv).await.unwrap(), b"answer");
        };
        tokio::join!(asking, answering);
    }
}

#[tokio::test]
async fn outer_outcomes_pass_even_where_the_receiver_reads_nothing() {
    let stage = Stage::set().await;
    let (portal, node) = stage.peers().await;
    let code = stage.code(&portal, "portal/mynaportal", 42).await;
    for expected in [
        Outcome::Refused(ResultName::PermitExpired),
        Outcome::RetryAfter(ResultName::Overloaded, 250),
        Outcome::ChannelUnknown,
    ] {
        let answering = async {
            let mut request = heard(&node).await;
            request.end_with(expected.clone()).await.unwrap();
        };
        let header = header(Kind::SelfInfo);
        let asking = async {
            let mut open = open_request(&portal, &header, &about(code)).await.unwrap();
            open.send.write_raw(noise(500_000)).await.unwrap();
            open.read_status().await.unwrap()
        };
        let ((), outcome) = tokio::join!(answering, asking);
        assert_eq!(outcome, expected);
    }
}

#[tokio::test]
async fn what_one_side_cuts_short_never_looks_complete_to_the_other() {
    let stage = Stage::set().await;
    let (portal, node) = stage.peers().await;
    let code = stage.code(&portal, "portal/mynaportal", 42).await;
    let header_of_asker = header(Kind::SelfInfo);
    let mut open = open_request(&portal, &header_of_asker, &about(code)).await.unwrap();
    open.send.write_raw(noise(1_000)).await.unwrap();
    let mut request = heard(&node).await;
    request.recv.read_raw_chunk(1).await.unwrap();
    open.send.reset(ResetCode::Abandoned);
    assert_eq!(rest(&mut request.recv).await, Err(StreamError::Reset(ResetCode::Abandoned as u64)));
    drop((open, request));

    let mut open = ask(&portal, &header(Kind::SelfInfo), &about(code)).await;
    let mut request = heard(&node).await;
    request.put_status(Outcome::Answered).await.unwrap();
    request.send.write_raw(noise(1_000)).await.unwrap();
    assert_eq!(open.read_status().await, Ok(Outcome::Answered));
    request.send.reset(ResetCode::IntegrityStop);
    assert_eq!(rest(&mut open.recv).await, Err(StreamError::Reset(ResetCode::IntegrityStop as u64)));
}

#[tokio::test]
async fn r32_an_answer_that_echoes_another_request_reaches_nobody() {
    let stage = Stage::set().await;
    let (portal, node) = stage.peers().await;
    let code = stage.code(&portal, "portal/mynaportal", 42).await;
    let mut open = ask(&portal, &header(Kind::SelfInfo), &about(code)).await;
    let mut request = heard(&node).await;
    let status = chukei_wire::frame::Status { header: HeaderHash([9; 32]), outcome: Outcome::Answered };
    request.send.put_frame(FrameType::Status, &status.to_bytes().unwrap()).await.unwrap();
    request.send.write_raw(noise(1_000)).await.unwrap();
    assert_eq!(open.read_status().await, Ok(Outcome::Refused(ResultName::IntegrityStop)));
    assert_eq!(rest(&mut open.recv).await.unwrap(), b"");
    node.closed().await;
    stage.shows("/metrics", r#"chukei_integrity_alarms_total{kind="wrong_echo",role="broker"} 1"#).await;
}

#[tokio::test]
async fn codes_of_others_and_of_nobody_are_not_found() {
    let stage = Stage::set().await;
    let (portal, node) = stage.peers().await;
    let at_node = stage.code(&node, "body/982016", 42).await;
    let not_found = Outcome::Refused(ResultName::NotFound);
    assert_eq!(outcome(&portal, &header(Kind::SelfInfo), &about(at_node)).await, not_found);
    let without = outcome(&portal, &header(Kind::SelfInfo), &Default::default()).await;
    assert_eq!(without, Outcome::Refused(ResultName::BadFormat));
    let reply = stage.acquire(
        &portal,
        "portal/mynaportal",
        vec![
            stage.keys.broker_part("portal/mynaportal", 1),
            stage.keys.broker_part("body/982016", 1),
            stage.keys.broker_part("portal/another", 1),
            serde_bytes::ByteBuf::from(vec![1, 2, 3]),
        ],
    );
    let known: Vec<bool> = reply.await.unwrap().codes.iter().map(Option::is_some).collect();
    assert_eq!(known, [true, false, false, false], "only numbers of the caller's own party give codes");
}

#[cfg(feature = "faults")]
#[tokio::test]
async fn an_armed_fault_names_another_person() {
    use chukei_node::broker::faults::Confusion;

    let stage = Stage::set().await;
    let (portal, node) = stage.peers().await;
    let mut named = Vec::new();
    for person in [1, 2] {
        let code = stage.code(&portal, "portal/mynaportal", person).await;
        if person == 2 {
            stage.faults.confuse_persons(Confusion::All);
        }
        let answering = async {
            let mut request = heard(&node).await;
            request.end_with(Outcome::Answered).await.unwrap();
            permit(&node, &request).unwrap().person()
        };
        let (header, hop) = (header(Kind::SelfInfo), about(code));
        let (person, _) = tokio::join!(answering, outcome(&portal, &header, &hop));
        named.push(person);
    }
    assert_eq!(named[0], named[1]);
    assert_eq!(named[0], Some(stage.code(&node, "body/982016", 1).await));
}

#[tokio::test]
async fn one_broker_serves_both_of_its_kinds_of_peer_again_after_a_restart() {
    let mut stage = Stage::set().await;
    let (portal, node) = stage.peers().await;
    let code = stage.code(&portal, "portal/mynaportal", 42).await;
    drop((portal, node));
    stage.restart().await;
    let (portal, node) = (stage.connect(PORTAL).await, stage.connect(NODE).await);
    let away = outcome(&portal, &header(Kind::SelfInfo), &about(code)).await;
    assert_eq!(away, Outcome::RetryAfter(ResultName::NotReady, 1_000), "its node has not come back yet");
    stage.announce(&node, "node-a", 1).await;
    let outcome = answered(&portal, &node, &header(Kind::SelfInfo), &about(code)).await;
    assert_eq!(outcome, Outcome::Answered, "codes from before the restart still stand");
}
