//! What every fuzz target asserts: a decoder returns, and what it accepts it would have written byte for byte.
//!
//! Run one with `RUSTC_BOOTSTRAP=1 cargo fuzz run header` in the folder above this one. A panic is a finding.

use std::sync::LazyLock;

use chukei_access::facts::{
    Device, Effect, FactorKind, Factors, Facts, Health, Label, Operation, Pattern, Period, Who, Zone,
};
use chukei_access::{PolicyBook, Verdict};
use chukei_crypto::keyring::{
    EpochKey, Head, Keyring, KeyringKey, Page, RootKey, WrapPlace, Wrapped, unwrap, wrap,
};
use chukei_crypto::stamp::{self, Request, Roots};
use chukei_crypto::tlog::{
    Opening, Proof, Receipt, SignedCheckpoint, TileName, TreeHead, VerifierKey, verify_consistency,
    verify_inclusion,
};
use chukei_domain::catalogue::Catalogue;
use chukei_domain::document::Document;
use chukei_domain::erasure::ErasureRecord;
use chukei_domain::event::{PersonPart, Record};
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

/// A log's signed checkpoint.
pub fn log_checkpoint(bytes: &[u8]) {
    if let Ok(checkpoint) = SignedCheckpoint::parse(bytes) {
        assert_eq!(checkpoint.to_string().as_bytes(), bytes);
    }
}

/// A time stamp authority's reply, to a question that it does not answer: nothing is believed of it.
pub fn time_stamp(bytes: &[u8]) {
    let pem = include_bytes!("../../../crypto/src/stamp/tests/samples/root-ec.pem");
    if let (Ok(question), Ok(roots)) = (Request::new(b"", None), Roots::from_pem(pem)) {
        assert!(question.accept(bytes, &roots, 0, u64::MAX).is_err());
        assert!(stamp::verify(bytes, b"", &roots).is_err());
    }
}

/// A receipt of a leaf.
pub fn log_receipt(bytes: &[u8]) {
    if let Ok(receipt) = Receipt::parse(bytes) {
        assert_eq!(receipt.to_text().as_bytes(), bytes);
    }
}

/// A log's or a witness's key, and the name of a tile.
pub fn log_names(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(key) = text.parse::<VerifierKey>() {
        assert_eq!(key.to_string(), text);
    }
    if let Ok(tile) = text.parse::<TileName>() {
        assert_eq!(tile.to_string(), text);
    }
}

/// Two sizes and a proof between them. Nobody finds one that leads to a root of zeros.
pub fn log_proof(bytes: &[u8]) {
    let Some((old, rest)) = bytes.split_first_chunk() else { return };
    let Some((new, rest)) = rest.split_first_chunk() else { return };
    let Ok(proof) = Proof::from_bytes(rest) else { return };
    assert_eq!(proof.to_bytes(), rest);
    let [old, new] = [old, new].map(|size| TreeHead { size: u64::from_be_bytes(*size), root: [0; 32] });
    assert!(verify_inclusion(&proof, old.size, &[1; 32], &new).is_err());
    assert!(verify_consistency(&proof, &old, &new).is_err() || old.size == new.size);
}

/// An opening of a leaf.
pub fn log_opening(bytes: &[u8]) {
    if let Ok(opening) = Opening::from_bytes(bytes) {
        assert_eq!(opening.to_bytes().as_slice(), bytes);
        assert_eq!(opening.verify(&opening.leaf()), Ok(()));
    }
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

/// The part of an event that its person may see.
pub fn person_part(bytes: &[u8]) {
    if let Ok(part) = PersonPart::from_bytes(bytes) {
        assert_eq!(part.to_bytes().as_deref(), Ok(bytes));
    }
}

/// An item of the review's queue.
pub fn review_item(bytes: &[u8]) {
    if let Ok(item) = chukei_domain::review::Item::from_bytes(bytes) {
        assert_eq!(item.to_bytes().as_deref(), Ok(bytes));
    }
}

/// The file of a catalogue: nothing writes one, so that it only has to be read alike each time.
pub fn catalogue_file(bytes: &[u8]) {
    let Some(text) = text(bytes) else { return };
    assert_eq!(Catalogue::parse(text), Catalogue::parse(text));
}

/// An entry of a register has one byte form.
pub fn register_entry(bytes: &[u8]) {
    if let Ok(entry) = chukei_domain::register::Entry::from_bytes(bytes) {
        assert_eq!(entry.to_bytes().as_deref(), Ok(bytes));
    }
}

/// A file that is accepted says the same once more when it is written from its entries.
pub fn register_file(bytes: &[u8]) {
    use chukei_domain::register::RegisterFile;
    let Some(file) = text(bytes).and_then(|text| RegisterFile::parse(text).ok()) else { return };
    let Ok(entries) = file.check() else { return };
    let again = RegisterFile::of(file.body, entries.clone()).to_toml().expect("a file");
    assert_eq!(RegisterFile::parse(&again).and_then(|file| file.check()), Ok(entries));
}

/// As much holds for the platform's register.
pub fn platform_file(bytes: &[u8]) {
    use chukei_domain::register::platform::PlatformFile;
    let Some(file) = text(bytes).and_then(|text| PlatformFile::parse(text).ok()) else { return };
    let Ok(register) = file.clone().check() else { return };
    let again = file.to_toml().expect("a file");
    assert_eq!(PlatformFile::parse(&again).and_then(PlatformFile::check), Ok(register));
}

/// What is kept of a notice.
pub fn notice_content(bytes: &[u8]) {
    if let Ok(content) = NoticeContent::from_bytes(bytes) {
        assert_eq!(content.to_bytes().as_deref(), Ok(bytes));
    }
}

static BOOK: LazyLock<PolicyBook> = LazyLock::new(|| PolicyBook::new().expect("the shipped policies"));
const OWN: &str = "982016";

/// A body's own access policies: read alike each time, and never permitting what the shipped ones refuse.
pub fn access_policies(bytes: &[u8]) {
    let Some(text) = text(bytes) else { return };
    let Ok(policies) = BOOK.check(text) else { return };
    let version = policies.version();
    assert_eq!(BOOK.check(text).map(|again| again.version()).ok(), Some(version));
    let all = || -> Vec<Verdict> {
        let askers = [("staff", 0), ("system", 1_795_482_000_000), ("maintenance", u64::MAX)];
        let ask = |(kind, now_ms)| BOOK.actions().map(move |action| decide(kind, action, now_ms));
        askers.into_iter().flat_map(ask).collect()
    };
    let body = OWN.parse().expect("a code");
    BOOK.remove(body);
    let shipped = all();
    BOOK.put(body, policies);
    let own = all();
    assert_eq!(own, all());
    for (shipped, own) in shipped.iter().zip(&own) {
        assert!(shipped.outcome.is_permit() || !own.outcome.is_permit());
        assert_eq!(own.policy_version, version);
    }
}

/// Somebody of whom everything is in order but the training.
fn decide(kind: &str, action: &str, now_ms: u64) -> Verdict {
    let device = Device { id: "t-01", listed: true, health: Health::Healthy, zone: Zone::Closed };
    let (roles, affairs) = (["administrator".to_owned()], ["JM99000000001000".parse().expect("a code")]);
    BOOK.decide(&Facts {
        who: Who {
            identity: "chukei://body/982016/staff/u-tax-07",
            kind,
            body: OWN.parse().ok(),
            record: Some(Period { from_day: 0, until_day: u32::MAX }),
            roles: &roles,
            department: "zeimu",
            affairs: &affairs,
            contract: None,
            trained_on: Some(0),
        },
        device: Some(device),
        zone: Zone::Closed,
        now_ms,
        ticket: None,
        pattern: Pattern { requests_in_minute: 1, persons_in_ten_minutes: 1 },
        factors: Factors { shown: &[FactorKind::Possession, FactorKind::Knowledge], stepped_up_s: Some(1) },
        proxy: None,
        operation: Operation {
            action,
            effect: Effect::Read,
            body: OWN.parse().ok(),
            affair: affairs.first().copied(),
            department: "",
            datasets: &[],
            label: Label::Municipal3B,
            function: None,
        },
    })
}
