//! Channels end to end, with a portal at one end of the connection and a body at the other.

use std::sync::Arc;

use chukei_crypto::binding::{BindingSecret, Bindings};
use chukei_crypto::sign::IdentityKey;
use chukei_relay_client::channel::{
    Channel, ChannelError, ChannelLimits, Channels, Parties, RawSealed, Role, Scope, initiate, read_sealed,
    respond, write_sealed,
};
use chukei_relay_client::peers::Identities;
use chukei_relay_client::session::{SessionError, accept_request, forward_request, open_request, put_status};
use chukei_relay_client::stream::{StreamError, splice};
use chukei_wire::frame::{FrameType, Outcome, SealHead, Status};
use chukei_wire::header::{Direction, Header, Hop, Kind};
use chukei_wire::id::HeaderHash;
use chukei_wire::limits::{CHUNK_MAX, CHUNK_PLAIN};
use chukei_wire::message::control::SetupFlight;
use chukei_wire::result::ResultName;
use tokio::time::Instant;

use crate::session::{accepted, header};
use crate::stage::{Stage, soon};

fn key() -> IdentityKey {
    IdentityKey::from_pkcs8(&IdentityKey::generate_pkcs8().unwrap()).unwrap()
}

fn of(key: &IdentityKey) -> Identities {
    Identities::one(key.public_spki())
}

fn setup(stage: &Stage) -> Header {
    header(Kind::ChannelSetup, Direction::ToBody, stage.clock.now_ms())
}

fn table() -> Channels {
    Channels::new(ChannelLimits::default())
}

type Ends = (Result<Channel, ChannelError>, Result<Arc<Channel>, ChannelError>);

/// The portal pins `body_pinned`; the body that answers has `body` and pins `portal_pinned`.
async fn shaken(
    stage: &Stage,
    portal: &IdentityKey,
    body_pinned: &Identities,
    body: &IdentityKey,
    portal_pinned: &Identities,
) -> Ends {
    let header = setup(stage);
    let answering = async {
        let mut request = accepted(stage).await.unwrap();
        respond(&mut request, Parties { own: body, other: portal_pinned }, &stage.clock, &table()).await
    };
    tokio::join!(
        initiate(&stage.at_node, &header, Parties { own: portal, other: body_pinned }, &stage.clock),
        answering
    )
}

async fn channel(stage: &Stage) -> (Channel, Arc<Channel>) {
    let (portal, body) = (key(), key());
    let (at_portal, at_body) = shaken(stage, &portal, &of(&body), &body, &of(&portal)).await;
    (at_portal.unwrap(), at_body.unwrap())
}

#[tokio::test]
async fn both_ends_have_the_same_channel_and_know_their_part() {
    let stage = Stage::set().await;
    let (at_portal, at_body) = channel(&stage).await;
    assert_eq!(at_portal.id(), at_body.id());
    assert_eq!((at_portal.role(), at_body.role()), (Role::Initiator, Role::Responder));
    let between = Scope::of(&setup(&stage)).unwrap();
    assert_eq!((at_portal.scope(), at_body.scope()), (&between, &between));
    let (other, _) = channel(&stage).await;
    assert_ne!(at_portal.id(), other.id());
}

#[tokio::test]
async fn a_request_and_its_bound_reply_travel_sealed_and_the_receipt_proves_the_opening() {
    let stage = Stage::set().await;
    let (at_portal, at_body) = channel(&stage).await;
    let person = BindingSecret::from_bytes(1, [5; 32]).unwrap();
    let mut header = header(Kind::SelfInfo, Direction::ToBody, stage.clock.now_ms());
    header.datasets = vec!["TM00000000000002".to_owned()];
    header.channel = Some(at_portal.id());
    let answer: Vec<u8> = (0..300_000_u32).map(|i| i.to_le_bytes()[1]).collect();

    let asking = async {
        let mut request = open_request(&stage.at_node, &header, &Hop::default()).await.unwrap();
        let hash = request.header_hash;
        let body = at_portal.seal_body(hash, None, b"question", 0).unwrap();
        write_sealed(&mut request.send, body).await.unwrap();
        assert_eq!(request.read_status().await, Ok(Outcome::Answered));
        let raw = read_sealed(&mut request.recv, 1_000_000).await.unwrap();
        let opened = at_portal.open_body(hash, Some(&Bindings::new(person.clone())), &raw).unwrap();
        request.send.write_frame(FrameType::Message, &opened.receipt()).await.unwrap();
        request.send.finish().await.unwrap();
        assert!(opened.bound());
        opened.content().to_vec()
    };
    let answering = async {
        let mut request = accepted(&stage).await.unwrap();
        let raw = read_sealed(&mut request.recv, 1024).await.unwrap();
        let opened = at_body.open_body(request.header_hash, None, &raw).unwrap();
        assert_eq!(opened.content(), b"question");
        let body = at_body.seal_body(request.header_hash, Some(&person), &answer, 0).unwrap();
        let receipt = body.receipt;
        request.put_status(Outcome::Answered).await.unwrap();
        write_sealed(&mut request.send, body).await.unwrap();
        request.send.finish().await.unwrap();
        assert_eq!(request.recv.expect(FrameType::Message).await.unwrap(), receipt.as_slice());
    };
    let (content, ()) = tokio::join!(asking, answering);
    assert_eq!(content, answer);
}

#[tokio::test]
async fn r33_messages_of_an_old_channel_say_nothing_on_a_new_one_between_the_same_parties() {
    let stage = Stage::set().await;
    let (portal, body) = (key(), key());
    let (of_portal, of_body) = (of(&portal), of(&body));
    let again = || shaken(&stage, &portal, &of_body, &body, &of_portal);
    let ((old_portal, old_body), (new_portal, new_body)) = (again().await, again().await);
    let (old_portal, old_body) = (old_portal.unwrap(), old_body.unwrap());
    let (new_portal, new_body) = (new_portal.unwrap(), new_body.unwrap());
    // Even of one and the same exchange, as far as its header says.
    let hash = setup(&stage).to_bytes().map(|bytes| Header::hash(&bytes)).unwrap();
    let asked = sent(&stage, &old_portal, hash).await;
    assert_eq!(new_body.open_body(hash, None, &asked).unwrap_err(), ChannelError::Integrity);
    let answered = sent(&stage, &old_body, hash).await;
    assert_eq!(new_portal.open_body(hash, None, &answered).unwrap_err(), ChannelError::Integrity);
    assert!(new_body.is_stopped() && new_portal.is_stopped(), "R35");
    // Nor back to who has sent it.
    assert_eq!(old_portal.open_body(hash, None, &asked).unwrap_err(), ChannelError::Integrity);
    assert!(old_body.open_body(hash, None, &asked).is_ok(), "it was good where it belonged");
}

/// What a channel seals for the exchange of this header, as it comes off the wire.
async fn sent(stage: &Stage, channel: &Channel, hash: HeaderHash) -> RawSealed {
    let ((mut send, _), (_, mut heard)) = stage.stream().await;
    let sealed = channel.seal_body(hash, None, b"content", 0).unwrap();
    write_sealed(&mut send, sealed).await.unwrap();
    send.finish().await.unwrap();
    read_sealed(&mut heard, 1024).await.unwrap()
}

#[tokio::test]
async fn a_body_that_is_not_the_pinned_one_is_refused() {
    let stage = Stage::set().await;
    let (portal, body, other) = (key(), key(), key());
    let (at_portal, at_body) = shaken(&stage, &portal, &of(&other), &body, &of(&portal)).await;
    assert_eq!(at_portal.unwrap_err(), ChannelError::Handshake);
    assert!(at_body.is_err());
}

#[tokio::test]
async fn a_portal_that_is_not_the_pinned_one_is_refused() {
    let stage = Stage::set().await;
    let (portal, body, other) = (key(), key(), key());
    let (at_portal, at_body) = shaken(&stage, &portal, &of(&body), &body, &of(&other)).await;
    assert_eq!(at_body.unwrap_err(), ChannelError::Handshake);
    assert!(at_portal.is_err(), "the portal must learn that it was not accepted");
}

#[tokio::test]
async fn a_request_of_another_kind_is_no_set_up() {
    let stage = Stage::set().await;
    let announce = header(Kind::Announce, Direction::Hop, stage.clock.now_ms());
    let refused =
        initiate(&stage.at_node, &announce, Parties { own: &key(), other: &of(&key()) }, &stage.clock).await;
    assert_eq!(refused.unwrap_err(), ChannelError::Header);
}

#[tokio::test]
async fn a_refused_set_up_says_what_was_answered() {
    let stage = Stage::set().await;
    let (portal, header) = (key(), setup(&stage));
    let refusing = async {
        let mut request = accepted(&stage).await.unwrap();
        request.end_with(Outcome::Refused(ResultName::NotFound)).await.unwrap();
        // Kept until the other side has read the answer.
        request.recv.read_message::<SetupFlight>().await.unwrap();
        request.recv.read_message::<SetupFlight>().await.unwrap_err()
    };
    let pinned = of(&key());
    let (refused, _) = tokio::join!(
        initiate(&stage.at_node, &header, Parties { own: &portal, other: &pinned }, &stage.clock),
        refusing
    );
    assert_eq!(refused.unwrap_err(), ChannelError::NotAnswered(Outcome::Refused(ResultName::NotFound)));
}

#[tokio::test]
async fn bytes_that_are_no_handshake_are_refused() {
    let stage = Stage::set().await;
    let body = key();
    for flight in [Vec::new(), vec![0x16; 100], vec![0; 16 * 1024 + 1]] {
        let mut request = open_request(&stage.at_node, &setup(&stage), &Hop::default()).await.unwrap();
        request.send.write_message(&SetupFlight { flight }).await.unwrap();
        let mut accepted = accepted(&stage).await.unwrap();
        let refused =
            respond(&mut accepted, Parties { own: &body, other: &of(&key()) }, &stage.clock, &table()).await;
        assert_eq!(refused.unwrap_err(), ChannelError::Handshake);
    }
}

/// A relay between two connections: the portal's peer, who passes the set-up on with another header and
/// restores the echo that would betray it.
async fn relayed_with_another_header(stage: &Stage, onward: &Stage) -> Result<(), StreamError> {
    let (send, recv) = stage.at_broker.accept().await.unwrap();
    let request = accept_request(send, recv).await.unwrap();
    let (mut back_send, mut forth_recv, hash) = (request.send, request.recv, request.header_hash);
    let mut changed = request.header;
    changed.deadline_ms -= 1;
    let bytes = changed.to_bytes().unwrap();
    let mut next = forward_request(&onward.at_node, &bytes, &Hop::default(), soon()).await.unwrap();
    next.send.flush().await?;
    let back = async {
        let status = next.recv.expect(FrameType::Status).await?;
        let outcome = Status::from_bytes(&status)?.outcome;
        put_status(&mut back_send, hash, outcome).await.unwrap();
        splice(&mut next.recv, &mut back_send, 1 << 20).await?;
        back_send.finish().await
    };
    let (forth, back) = tokio::join!(splice(&mut forth_recv, &mut next.send, 1 << 20), back);
    forth.map(|_| ()).and(back)
}

#[tokio::test]
async fn r32_a_header_changed_on_the_way_fails_the_set_up_even_with_its_echo_restored() {
    let (stage, onward) = (Stage::set().await, Stage::set().await);
    let (portal, body) = (key(), key());
    let (header, pinned) = (setup(&stage), of(&body));
    let answering = async {
        let mut request = accepted(&onward).await.unwrap();
        respond(&mut request, Parties { own: &body, other: &of(&portal) }, &onward.clock, &table()).await
    };
    let (at_portal, _, _) = tokio::join!(
        initiate(&stage.at_node, &header, Parties { own: &portal, other: &pinned }, &stage.clock),
        answering,
        relayed_with_another_header(&stage, &onward),
    );
    assert_eq!(at_portal.unwrap_err(), ChannelError::Handshake);
}

async fn read_refused(chunks: &[(FrameType, usize)], limit: usize) -> StreamError {
    let stage = Stage::set().await;
    let ((mut send, _), (_, mut heard)) = stage.stream().await;
    let head = SealHead { suite: 1, binding: 0, salt: [0; 16] };
    send.put_frame(FrameType::Seal, &head.to_bytes()).await.unwrap();
    for &(kind, size) in chunks {
        send.put_frame(kind, &vec![0; size]).await.unwrap();
    }
    send.finish().await.unwrap();
    read_sealed(&mut heard, limit).await.unwrap_err()
}

#[tokio::test]
async fn a_sealed_body_is_bounded_while_it_is_read() {
    let (chunk, last) = (FrameType::Chunk, FrameType::LastChunk);
    assert_eq!(read_refused(&[(chunk, CHUNK_MAX), (last, 100)], CHUNK_PLAIN / 2).await, StreamError::TooLong);
    assert_eq!(read_refused(&[(chunk, 0), (last, 100)], CHUNK_PLAIN).await, StreamError::TooLong);
    assert_eq!(read_refused(&[(chunk, CHUNK_MAX)], CHUNK_PLAIN).await, StreamError::Ended);
    let unexpected = StreamError::Unexpected { due: last, got: FrameType::Message };
    assert_eq!(read_refused(&[(FrameType::Message, 1)], CHUNK_PLAIN).await, unexpected);
}

#[tokio::test]
async fn a_set_up_that_stalls_meets_the_deadline() {
    let stage = Stage::set().await;
    let mut request = open_request(&stage.at_node, &setup(&stage), &Hop::default()).await.unwrap();
    request.send.flush().await.unwrap();
    let mut accepted = accepted(&stage).await.unwrap();
    accepted.set_deadline(Instant::now());
    let stalled =
        respond(&mut accepted, Parties { own: &key(), other: &of(&key()) }, &stage.clock, &table()).await;
    assert_eq!(stalled.unwrap_err(), ChannelError::Session(SessionError::Stream(StreamError::Deadline)));
    drop(request);
}
