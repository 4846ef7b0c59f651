//! Frames: heads round trip, limits hold before a payload is read, unknown types are refused.

use chukei_wire::codec::CodecError;
use chukei_wire::frame::{
    FRAME_HEAD, FrameError, FrameType, SealHead, frame_head, parse_frame_head, put_frame,
};
use chukei_wire::limits;
use proptest::prelude::*;

const TYPES: [(u8, FrameType, usize); 7] = [
    (1, FrameType::Header, limits::HEADER_MAX),
    (2, FrameType::Hop, limits::HOP_MAX),
    (3, FrameType::Seal, SealHead::LENGTH),
    (4, FrameType::Chunk, limits::CHUNK_MAX),
    (5, FrameType::LastChunk, limits::CHUNK_MAX),
    (6, FrameType::Status, limits::STATUS_MAX),
    (7, FrameType::Message, limits::MESSAGE_MAX),
];

#[test]
fn every_type_holds_its_limit_to_the_byte() {
    for (byte, kind, limit) in TYPES {
        assert_eq!(kind.limit(), limit);
        let head = frame_head(kind, limit).unwrap();
        assert_eq!(head[0], byte);
        assert_eq!(parse_frame_head(head), Ok((kind, limit)));
        assert_eq!(frame_head(kind, limit + 1), Err(FrameError::TooLong));
        let over = u32::try_from(limit + 1).unwrap().to_be_bytes();
        let over = [byte, over[0], over[1], over[2], over[3]];
        assert_eq!(parse_frame_head(over), Err(FrameError::TooLong));
    }
}

#[test]
fn an_oversized_frame_leaves_the_buffer_alone() {
    let mut out = vec![1, 2, 3];
    assert_eq!(put_frame(&mut out, FrameType::Status, &[0; 257]), Err(FrameError::TooLong));
    assert_eq!(out, [1, 2, 3]);
}

#[test]
fn a_seal_head_has_exactly_its_length_and_a_possible_binding_version() {
    let bytes = crate::samples::seal_head().to_bytes();
    assert_eq!(SealHead::from_bytes(&bytes[..17]), Err(CodecError::Malformed));
    assert_eq!(SealHead::from_bytes(&[bytes.as_slice(), &[0]].concat()), Err(CodecError::Malformed));
    for version in 128..=255 {
        let mut other = bytes;
        other[1] = version;
        assert_eq!(SealHead::from_bytes(&other), Err(CodecError::Malformed), "version {version}");
    }
}

proptest! {
    #[test]
    fn any_head_is_answered_and_has_one_form(head in any::<[u8; FRAME_HEAD]>()) {
        match parse_frame_head(head) {
            Ok((kind, length)) => prop_assert_eq!(frame_head(kind, length), Ok(head)),
            Err(FrameError::UnknownType(byte)) => prop_assert!(byte == 0 || byte > 7),
            Err(FrameError::TooLong) => prop_assert!((1..=7).contains(&head[0])),
        }
    }

    #[test]
    fn any_length_within_the_limit_round_trips(pick in 0..7_usize, part in 0.0..=1.0_f64) {
        let (_, kind, limit) = TYPES[pick];
        let length = (limit as f64 * part) as usize;
        prop_assert_eq!(parse_frame_head(frame_head(kind, length).unwrap()), Ok((kind, length)));
    }

    #[test]
    fn any_seal_head_is_answered_and_has_one_form(bytes in prop::collection::vec(any::<u8>(), 0..20)) {
        if let Ok(head) = SealHead::from_bytes(&bytes) {
            prop_assert_eq!(head.to_bytes().to_vec(), bytes);
        }
    }
}
