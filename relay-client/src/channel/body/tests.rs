//! A body opens in its own exchange, direction and binding, whole and in order, or not at all (R30, R32).

use chukei_crypto::channel::DirectionSecret;
use chukei_wire::frame::parse_frame_head;

use super::*;
use crate::channel::tests::pair;
use crate::channel::{Channel, ChannelError};

const HASH: HeaderHash = HeaderHash([7; 32]);

/// Takes the frames apart again, as [`read_sealed`] does.
fn raw(body: SealedBody) -> RawSealed {
    let mut rest = Bytes::from(body.frames);
    let mut frames = Vec::new();
    while !rest.is_empty() {
        let (kind, length) = parse_frame_head(rest.split_to(FRAME_HEAD)[..].try_into().unwrap()).unwrap();
        frames.push((kind, rest.split_to(length)));
    }
    let (kind, last) = frames.pop().unwrap();
    assert_eq!((frames[0].0, kind), (FrameType::Seal, FrameType::LastChunk));
    let head = SealHead::from_bytes(&frames.remove(0).1).unwrap();
    assert!(frames.iter().all(|(kind, chunk)| *kind == FrameType::Chunk && chunk.len() == CHUNK_MAX));
    RawSealed { head, full: frames.into_iter().map(|(_, chunk)| chunk).collect(), last }
}

fn large() -> Vec<u8> {
    (0..200_000_u32).map(|i| i.to_le_bytes()[0]).collect()
}

#[test]
fn both_directions_open_what_the_other_end_sealed() {
    let (initiator, responder) = pair();
    for (from, to) in [(&initiator, &responder), (&responder, &initiator)] {
        for content in [Vec::new(), b"content".to_vec(), large()] {
            let sealed = from.seal_body(HASH, None, &content, 0).unwrap();
            let receipt = sealed.receipt;
            let opened = to.open_body(HASH, None, &raw(sealed)).unwrap();
            assert_eq!(opened.content(), content);
            assert_eq!(opened.receipt(), receipt);
            assert!(!opened.bound());
        }
    }
}

#[test]
fn r50_bodies_of_unlike_content_look_alike_when_padded_as_if() {
    let (initiator, _) = pair();
    let short = initiator.seal_body(HASH, None, b"", 5000).unwrap();
    let long = initiator.seal_body(HASH, None, &[1; 5000], 0).unwrap();
    assert_eq!(short.frames.len(), long.frames.len());
}

fn refused(raw: &RawSealed, hash: HeaderHash, bindings: Option<&Bindings>) -> ChannelError {
    let (_, responder) = pair();
    let error = responder.open_body(hash, bindings, raw).unwrap_err();
    let stops = error == ChannelError::Integrity;
    assert_eq!(responder.is_stopped(), stops, "R35: what fails to open stops the channel");
    error
}

fn sealed(content: &[u8]) -> SealedBody {
    pair().0.seal_body(HASH, None, content, 0).unwrap()
}

#[test]
fn r30_a_flipped_byte_anywhere_fails() {
    for at in [0, 1, 500, 1023, 1024, 1039] {
        let mut body = sealed(b"content");
        body.frames[SealedBody::FIRST_CHUNK + at] ^= 1;
        assert_eq!(refused(&raw(body), HASH, None), ChannelError::Integrity, "byte {at}");
    }
    let mut salted = raw(sealed(b"content"));
    salted.head.salt[0] ^= 1;
    assert_eq!(refused(&salted, HASH, None), ChannelError::Integrity);
}

#[test]
fn r30_cut_reordered_repeated_or_prolonged_chunks_fail() {
    let whole = raw(sealed(&large()));
    let chunks = [&whole.full[..], std::slice::from_ref(&whole.last)].concat();
    assert!(chunks.len() > 2);
    let with = |order: &[usize]| {
        let mut full: Vec<_> = order.iter().map(|i| chunks[*i].clone()).collect();
        let last = full.pop().unwrap_or_default();
        RawSealed { head: whole.head, full, last }
    };
    let end = chunks.len() - 1;
    let all: Vec<usize> = (0..=end).collect();
    let mut swapped = all.clone();
    swapped.swap(0, 1);
    let repeated = [&[0][..], &all].concat();
    let prolonged = [&all[..], &[end]].concat();
    for order in [&all[..end], &all[1..], &[], &swapped, &repeated, &prolonged] {
        assert_eq!(refused(&with(order), HASH, None), ChannelError::Integrity);
    }
}

#[test]
fn a_body_is_sealed_and_framed_in_a_buffer_of_its_size() {
    let (initiator, _) = pair();
    for content in [Vec::new(), large()] {
        let frames = initiator.seal_body(HASH, None, &content, 0).unwrap().frames;
        assert_eq!(frames.capacity(), frames.len());
    }
}

#[test]
fn r32_a_body_of_another_request_fails() {
    assert_eq!(refused(&raw(sealed(b"content")), HeaderHash([8; 32]), None), ChannelError::Integrity);
}

#[test]
fn a_request_does_not_open_as_a_reply() {
    let (initiator, _) = pair();
    let body = raw(initiator.seal_body(HASH, None, b"content", 0).unwrap());
    assert_eq!(initiator.open_body(HASH, None, &body).unwrap_err(), ChannelError::Integrity);
}

#[test]
fn r22_a_bound_body_opens_only_with_the_persons_secret() {
    let secret = |version, byte| BindingSecret::from_bytes(version, [byte; 32]).unwrap();
    let (person, other) = (Bindings::new(secret(1, 1)), Bindings::new(secret(1, 2)));
    let (initiator, responder) = pair();
    let bound = || raw(initiator.seal_body(HASH, Some(person.newest()), b"content", 0).unwrap());
    let opened = responder.open_body(HASH, Some(&person), &bound()).unwrap();
    assert_eq!(opened.content(), b"content");
    assert_eq!((opened.bound(), opened.binding()), (true, 1));
    assert_eq!(refused(&bound(), HASH, Some(&other)), ChannelError::Integrity);
    assert_eq!(refused(&bound(), HASH, None), ChannelError::BindingMissing);
    let mut unmarked = bound();
    unmarked.head.binding = 0;
    assert_eq!(refused(&unmarked, HASH, Some(&person)), ChannelError::Integrity);
    let mut marked = raw(sealed(b"content"));
    marked.head.binding = 1;
    assert_eq!(refused(&marked, HASH, Some(&person)), ChannelError::Integrity);
}

#[test]
fn r22_the_secret_is_picked_by_the_version_in_the_head_and_by_nothing_else() {
    let secret = |version| BindingSecret::from_bytes(version, [7; 32]).unwrap();
    let mut held = Bindings::new(secret(1));
    held.add(secret(2)).unwrap();
    for version in [1, 2] {
        let (initiator, responder) = pair();
        let bound = || raw(initiator.seal_body(HASH, Some(&secret(version)), b"content", 0).unwrap());
        assert_eq!(responder.open_body(HASH, Some(&held), &bound()).unwrap().binding(), version);
        let mut renamed = bound();
        renamed.head.binding = 3 - version;
        assert_eq!(refused(&renamed, HASH, Some(&held)), ChannelError::Integrity);
    }
    let third = raw(pair().0.seal_body(HASH, Some(&secret(3)), b"content", 0).unwrap());
    assert_eq!(refused(&third, HASH, Some(&held)), ChannelError::BindingMissing);
}

#[test]
fn a_receipt_is_of_one_body() {
    let (initiator, _) = pair();
    let first = initiator.seal_body(HASH, None, b"content", 0).unwrap();
    let second = initiator.seal_body(HASH, None, b"content", 0).unwrap();
    assert_ne!(first.receipt, second.receipt);
    assert_ne!(first.frames[SealedBody::FIRST_CHUNK..], second.frames[SealedBody::FIRST_CHUNK..]);
}

#[test]
fn r21_an_unlisted_suite_is_refused() {
    let mut body = raw(sealed(b"content"));
    body.head.suite = 2;
    assert_eq!(refused(&body, HASH, None), ChannelError::UnknownSuite(2));
}

#[test]
fn r35_a_stopped_channel_neither_seals_nor_opens() {
    let (initiator, responder) = pair();
    let body = raw(initiator.seal_body(HASH, None, b"content", 0).unwrap());
    initiator.stop();
    responder.stop();
    assert_eq!(initiator.seal_body(HASH, None, b"", 0).unwrap_err(), ChannelError::Stopped);
    assert_eq!(responder.open_body(HASH, None, &body).unwrap_err(), ChannelError::Stopped);
}

#[test]
fn a_channel_of_other_secrets_does_not_open() {
    let (_, responder) = pair();
    let stranger = Channel { requests: DirectionSecret::from_bytes([9; 32]), ..responder };
    let body = raw(sealed(b"content"));
    assert_eq!(stranger.open_body(HASH, None, &body).unwrap_err(), ChannelError::Integrity);
}

#[test]
fn content_over_the_limit_is_refused() {
    let (initiator, _) = pair();
    let over = vec![0; SEALED_BODY_MAX + 1];
    assert_eq!(initiator.seal_body(HASH, None, &over, 0).unwrap_err(), ChannelError::TooLong);
}
