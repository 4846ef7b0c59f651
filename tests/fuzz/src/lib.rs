//! What every fuzz target asserts: a decoder returns, and what it accepts it would have written byte for byte.
//!
//! Run one with `RUSTC_BOOTSTRAP=1 cargo fuzz run header` in the folder above this one. A panic is a finding.

use chukei_wire::body_code::BodyCode;
use chukei_wire::codec::{decode, encode};
use chukei_wire::frame::{FRAME_HEAD, SealHead, Status, parse_frame_head, put_frame};
use chukei_wire::header::{Header, Hop};
use chukei_wire::identity::Identity;
use chukei_wire::limits::MESSAGE_MAX;
use chukei_wire::padding::{pad, unpad};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// One message type.
pub fn message<T: Serialize + DeserializeOwned>(bytes: &[u8]) {
    if let Ok(value) = decode::<T>(bytes, MESSAGE_MAX) {
        assert_eq!(encode(&value).as_deref(), Ok(bytes));
    }
}

/// Frames one after the other, as a stream brings them.
pub fn frame_stream(mut bytes: &[u8]) {
    while let Some((head, rest)) = bytes.split_first_chunk::<FRAME_HEAD>() {
        let Ok((kind, length)) = parse_frame_head(*head) else { return };
        assert!(length <= kind.limit());
        let Some((payload, rest)) = rest.split_at_checked(length) else { return };
        let mut again = Vec::new();
        assert_eq!(put_frame(&mut again, kind, payload), Ok(()));
        assert_eq!(Some(again.as_slice()), bytes.get(..FRAME_HEAD + length));
        bytes = rest;
    }
}

/// The end-to-end part of a header.
pub fn header(bytes: &[u8]) {
    if let Ok(value) = Header::from_bytes(bytes) {
        assert_eq!(value.to_bytes().as_deref(), Ok(bytes));
    }
}

/// The hop part of a header.
pub fn hop(bytes: &[u8]) {
    if let Ok(value) = Hop::from_bytes(bytes) {
        assert_eq!(value.to_bytes().as_deref(), Ok(bytes));
    }
}

/// The status of a reply.
pub fn status(bytes: &[u8]) {
    if let Ok(value) = Status::from_bytes(bytes) {
        assert_eq!(value.to_bytes().as_deref(), Ok(bytes));
    }
}

/// The head of a sealed body.
pub fn seal_head(bytes: &[u8]) {
    if let Ok(value) = SealHead::from_bytes(bytes) {
        assert_eq!(value.to_bytes(), bytes);
    }
}

/// Padded content.
pub fn padding(bytes: &[u8]) {
    if let Ok(content) = unpad(bytes) {
        assert!(content.len() < bytes.len());
        assert_eq!(pad(content, bytes.len() - 4), bytes);
    }
}

/// An identity.
pub fn identity(bytes: &[u8]) {
    if let Some(value) = text(bytes).and_then(|text| text.parse::<Identity>().ok()) {
        assert_eq!(value.to_string().as_bytes(), bytes);
    }
}

/// A local body code.
pub fn body_code(bytes: &[u8]) {
    if let Some(value) = text(bytes).and_then(|text| text.parse::<BodyCode>().ok()) {
        assert_eq!(value.as_bytes(), bytes);
    }
}

fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok()
}
