//! What every fuzz target asserts: a decoder returns, and what it accepts it would have written byte for byte.
//!
//! Run one with `RUSTC_BOOTSTRAP=1 cargo fuzz run header` in the folder above this one. A panic is a finding.

use chukei_crypto::keyring::{
    EpochKey, Head, Keyring, KeyringKey, Page, RootKey, WrapPlace, Wrapped, unwrap, wrap,
};
use chukei_domain::document::Document;
use chukei_domain::erasure::ErasureRecord;
use chukei_domain::event::Record;
use chukei_domain::notice::NoticeContent;
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

/// The head of a sealed keyring, and the keyring behind it: read in place, and opened by no key that did not seal it.
pub fn keyring_head(bytes: &[u8]) {
    let within = |part: &[u8]| bytes.as_ptr_range().contains(&part.as_ptr()) || part.is_empty();
    if let Ok(head) = Head::parse(bytes) {
        assert!(within(head.owner) && within(head.wrapped.key));
        assert!(Keyring::from_sealed(bytes, &KeyringKey::from_bytes([1; 32]), head.owner).is_err());
    }
}

/// A sealed page under a key that did not seal it.
pub fn keyring_page(bytes: &[u8]) {
    let mut keyring = Keyring::create(b"982016").expect("randomness");
    keyring.ensure_page(9).expect("randomness");
    assert!(Page::from_sealed(bytes, 9, &keyring).is_err());
}

/// A wrapped key: what is read from the bytes is refused, and what a provider wrapped is not, whatever stands in a
/// keyring's head around it.
pub fn wrapped_key(bytes: &[u8]) {
    let (root, epoch, key) =
        (RootKey::from_bytes([1; 32]), EpochKey::from_bytes([2; 32]), KeyringKey::from_bytes([3; 32]));
    let place = WrapPlace { owner: b"982016", root: 1, epoch: 20_000 };
    assert!(unwrap(&root, &epoch, place, bytes).is_err());
    let wrapped = wrap(&root, &epoch, place, &key).expect("randomness");
    let under = Wrapped { root: 1, epoch: 20_000, key: &wrapped };
    let sealed = Keyring::create(b"982016").and_then(|mut keyring| keyring.seal(0, &key, under));
    let sealed = sealed.expect("within its limits");
    let head = Head::parse(&sealed).expect("its own form");
    assert_eq!(unwrap(&root, &epoch, place, head.wrapped.key), Ok(key));
}

/// The record of an erasure.
pub fn erasure_record(bytes: &[u8]) {
    if let Ok(record) = ErasureRecord::from_bytes(bytes) {
        assert_eq!(record.to_bytes().as_deref(), Ok(bytes));
    }
}

/// A document: a person's copies in one dataset.
pub fn document(bytes: &[u8]) {
    if let Ok(document) = Document::from_bytes(bytes) {
        assert_eq!(document.to_bytes().as_deref(), Ok(bytes));
    }
}

/// An event of the log.
pub fn event(bytes: &[u8]) {
    if let Ok(event) = Record::from_bytes(bytes) {
        assert_eq!(event.to_bytes().as_deref(), Ok(bytes));
    }
}

/// What is kept of a notice.
pub fn notice_content(bytes: &[u8]) {
    if let Ok(content) = NoticeContent::from_bytes(bytes) {
        assert_eq!(content.to_bytes().as_deref(), Ok(bytes));
    }
}
