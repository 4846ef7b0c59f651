//! Bad input: a clear end, bounded memory, and the door for those who go on.

use std::time::Duration;

use bytes::Bytes;
use chukei_relay_client::connection::{ConnectionError, PeerConnection};
use chukei_relay_client::stream::StreamError;
use chukei_wire::codec::encode;
use chukei_wire::frame::{FrameType, Outcome, put_frame};
use chukei_wire::header::{Header, Hop, Kind};
use chukei_wire::limits;
use tokio::time::Instant;

use crate::stage::{Stage, about, answered, header, heard, outcome};

fn framed(parts: &[(FrameType, &[u8])]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (kind, payload) in parts {
        put_frame(&mut bytes, *kind, payload).unwrap();
    }
    bytes
}

/// Heads that no version of the protocol allows.
fn malformed() -> Vec<Vec<u8>> {
    let good = header(Kind::SelfInfo).to_bytes().unwrap();
    let hop = Hop::default().to_bytes().unwrap();
    let version = encode(&Header { version: 2, ..header(Kind::SelfInfo) }).unwrap();
    let contradiction = encode(&Header { portal: None, ..header(Kind::SelfInfo) }).unwrap();
    vec![
        vec![0xff; 5],
        vec![FrameType::Header as u8, 0xff, 0xff, 0xff, 0xff],
        framed(&[(FrameType::Hop, &hop)]),
        framed(&[(FrameType::Header, &version), (FrameType::Hop, &hop)]),
        framed(&[(FrameType::Header, &contradiction), (FrameType::Hop, &hop)]),
        framed(&[(FrameType::Header, &good[..good.len() - 1]), (FrameType::Hop, &hop)]),
        framed(&[(FrameType::Header, &good), (FrameType::Hop, &[0xff; limits::HOP_MAX])]),
        framed(&[(FrameType::Header, &good), (FrameType::Header, &good)]),
        framed(&[(FrameType::Header, &good)]),
    ]
}

/// Sends `bytes` alone on a stream; what the broker makes of it.
async fn sent(peer: &PeerConnection, bytes: Vec<u8>) -> Result<Option<Bytes>, StreamError> {
    let (mut send, mut recv) = peer.open(Instant::now() + Duration::from_secs(30)).await?;
    // The broker may have stopped reading by then.
    let _ = send.write_raw(Bytes::from(bytes)).await;
    let _ = send.finish().await;
    recv.read_raw_chunk(1).await
}

#[tokio::test]
async fn malformed_heads_reset_their_stream_and_repetition_costs_the_connection() {
    let stage = Stage::set().await;
    let (portal, node) = stage.peers().await;
    let code = stage.code(&portal, "portal/mynaportal", 42).await;
    for bytes in malformed() {
        let end = sent(&portal, bytes.clone()).await;
        assert!(matches!(end, Err(StreamError::Reset(_))), "{bytes:02x?}: {end:?}");
    }
    let outcome = answered(&portal, &node, &header(Kind::SelfInfo), &about(code)).await;
    assert_eq!(outcome, Outcome::Answered, "slips leave the connection alone");
    while sent(&portal, vec![0xff; 5]).await.is_err_and(|error| matches!(error, StreamError::Reset(_))) {}
    assert_eq!(portal.closed().await, ConnectionError::ClosedByPeer(3));
    let again = stage.connect("chukei://portal/mynaportal").await;
    assert!(!again.is_closed());
}

#[tokio::test]
async fn a_receiver_that_answers_nonsense_is_answered_for() {
    let stage = Stage::set().await;
    let (portal, node) = stage.peers().await;
    let code = stage.code(&portal, "portal/mynaportal", 42).await;
    let (asked, hop) = (header(Kind::SelfInfo), about(code));
    let answering = async {
        let mut request = heard(&node).await;
        request.send.write_raw(Bytes::from_static(&[9; 64])).await.unwrap();
        request.send.finish().await.unwrap();
    };
    let (outcome, ()) = tokio::join!(outcome(&portal, &asked, &hop), answering);
    assert!(matches!(outcome, Outcome::RetryAfter(..)), "{outcome:?}");
}
