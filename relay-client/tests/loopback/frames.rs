//! What a stream accepts: whole frames within their limits, before the deadline, from a sender that means it.

use bytes::Bytes;
use chukei_relay_client::stream::{ResetCode, StreamError, splice};
use chukei_wire::frame::{FrameError, FrameType, frame_head};
use chukei_wire::limits::MESSAGE_MAX;
use tokio::time::Instant;

use crate::stage::Stage;

#[tokio::test]
async fn frames_of_every_size_arrive_as_they_were_sent() {
    let stage = Stage::set().await;
    let ((mut send, _), (_, mut heard)) = stage.stream().await;
    let payloads: Vec<Vec<u8>> =
        [0, 1, 4, 5, 1000, 20_000, MESSAGE_MAX].iter().map(|&size| vec![size as u8 ^ 0x5a; size]).collect();
    let sent = payloads.clone();
    let sender = tokio::spawn(async move {
        for payload in sent {
            send.put_owned_frame(FrameType::Message, payload).await.unwrap();
        }
        send.finish().await.unwrap();
        send.finished_ack().await
    });
    for payload in payloads {
        assert_eq!(heard.expect(FrameType::Message).await.unwrap(), payload);
    }
    assert_eq!(heard.read_frame().await, Ok(None));
    assert_eq!(sender.await.unwrap(), Ok(()));
}

#[tokio::test]
async fn a_frame_over_its_limit_is_refused_before_its_payload() {
    let stage = Stage::set().await;
    let ((mut send, _), (_, mut heard)) = stage.stream().await;
    let over = vec![0; FrameType::Header.limit() + 1];
    let refused = send.write_frame(FrameType::Header, &over).await;
    assert_eq!(refused, Err(StreamError::Frame(FrameError::TooLong)));
    send.write_raw(Bytes::from_static(&[FrameType::Message as u8, 0xff, 0xff, 0xff, 0xff])).await.unwrap();
    assert_eq!(heard.read_frame().await, Err(StreamError::Frame(FrameError::TooLong)));
}

#[tokio::test]
async fn an_unknown_frame_type_is_refused() {
    let stage = Stage::set().await;
    let ((mut send, _), (_, mut heard)) = stage.stream().await;
    send.write_raw(Bytes::from_static(&[99, 0, 0, 0, 0])).await.unwrap();
    assert_eq!(heard.read_frame().await, Err(StreamError::Frame(FrameError::UnknownType(99))));
}

#[tokio::test]
async fn a_head_that_promises_more_than_comes_is_a_truncation() {
    let stage = Stage::set().await;
    let ((mut send, _), (_, mut heard)) = stage.stream().await;
    let head = frame_head(FrameType::Message, 100).unwrap();
    send.write_raw(Bytes::copy_from_slice(&head)).await.unwrap();
    send.write_raw(Bytes::from_static(b"ten bytes.")).await.unwrap();
    send.finish().await.unwrap();
    assert_eq!(heard.read_frame().await, Err(StreamError::Truncated));
}

#[tokio::test]
async fn a_stream_that_ends_inside_a_head_is_a_truncation() {
    let stage = Stage::set().await;
    let ((mut send, _), (_, mut heard)) = stage.stream().await;
    send.write_raw(Bytes::from_static(&[FrameType::Message as u8, 0])).await.unwrap();
    send.finish().await.unwrap();
    assert_eq!(heard.read_frame().await, Err(StreamError::Truncated));
}

#[tokio::test]
async fn a_sender_that_stalls_meets_the_deadline() {
    let stage = Stage::set().await;
    let ((mut send, _), (_, mut heard)) = stage.stream().await;
    let head = frame_head(FrameType::Message, MESSAGE_MAX).unwrap();
    send.write_raw(Bytes::copy_from_slice(&head)).await.unwrap();
    heard.set_deadline(Instant::now());
    assert_eq!(heard.read_frame().await, Err(StreamError::Deadline));
}

#[tokio::test]
async fn a_receiver_that_stalls_meets_the_deadline() {
    let stage = Stage::set().await;
    let ((mut send, _), (_, _heard)) = stage.stream().await;
    send.set_deadline(Instant::now());
    let more_than_the_window = Bytes::from(vec![0; 4 * 1024 * 1024]);
    assert_eq!(send.write_raw(more_than_the_window).await, Err(StreamError::Deadline));
}

#[tokio::test]
async fn a_sender_that_gives_up_never_looks_finished() {
    let stage = Stage::set().await;
    let ((send, _), (_, mut heard)) = stage.stream().await;
    drop(send);
    assert_eq!(heard.read_frame().await, Err(StreamError::Reset(ResetCode::Abandoned as u64)));
    let ((mut send, _), (_, mut heard)) = stage.stream().await;
    send.reset(ResetCode::IntegrityStop);
    assert_eq!(heard.read_frame().await, Err(StreamError::Reset(ResetCode::IntegrityStop as u64)));
}

#[tokio::test]
async fn a_receiver_that_wants_no_more_says_so() {
    let stage = Stage::set().await;
    let ((mut send, _), (_, mut heard)) = stage.stream().await;
    heard.stop(ResetCode::Misbehaved);
    let stopped = StreamError::Stopped(ResetCode::Misbehaved as u64);
    assert_eq!(send.finished_ack().await, Err(stopped));
}

#[tokio::test]
async fn another_frame_than_the_one_due_is_refused() {
    let stage = Stage::set().await;
    let ((mut send, _), (_, mut heard)) = stage.stream().await;
    send.write_frame(FrameType::Hop, b"").await.unwrap();
    let unexpected = StreamError::Unexpected { due: FrameType::Status, got: FrameType::Hop };
    assert_eq!(heard.expect(FrameType::Status).await, Err(unexpected));
}

#[tokio::test]
async fn bytes_behind_the_end_of_a_request_are_refused() {
    let stage = Stage::set().await;
    let ((mut send, _), (_, mut heard)) = stage.stream().await;
    send.write_frame(FrameType::Message, b"more").await.unwrap();
    assert_eq!(heard.expect_end().await, Err(StreamError::TooLong));
    let ((mut send, _), (_, mut heard)) = stage.stream().await;
    send.finish().await.unwrap();
    assert_eq!(heard.expect_end().await, Ok(()));
}

#[tokio::test]
async fn a_splice_passes_every_byte_on_and_no_more_than_its_limit() {
    let stage = Stage::set().await;
    let ((mut send, _), (_, mut middle)) = stage.stream().await;
    let ((mut onward, _), (_, mut heard)) = stage.stream().await;
    let payload = vec![7; 500_000];
    let frame = payload.clone();
    let sender = tokio::spawn(async move {
        send.put_frame(FrameType::Hop, b"read at the middle").await.unwrap();
        send.put_owned_frame(FrameType::Message, frame).await.unwrap();
        send.finish().await.unwrap();
        send
    });
    // The middle has read one frame, and with it perhaps some of the next.
    middle.expect(FrameType::Hop).await.unwrap();
    let relay = tokio::spawn(async move {
        let moved = splice(&mut middle, &mut onward, 1_000_000).await.unwrap();
        onward.finish().await.unwrap();
        (moved, onward)
    });
    assert_eq!(heard.expect(FrameType::Message).await.unwrap(), payload);
    assert_eq!(heard.read_frame().await, Ok(None));
    assert_eq!(relay.await.unwrap().0, 500_005);
    drop(sender.await.unwrap());

    let ((mut send, _), (_, mut middle)) = stage.stream().await;
    let ((mut onward, _), _) = stage.stream().await;
    send.write_frame(FrameType::Message, &[0; 100]).await.unwrap();
    assert_eq!(splice(&mut middle, &mut onward, 50).await, Err(StreamError::TooLong));
}
