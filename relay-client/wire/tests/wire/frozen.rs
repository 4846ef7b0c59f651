//! Frozen bytes of protocol version 1. A changed snapshot is a changed protocol: it needs a new version.

use std::fmt::Debug;

use chukei_wire::codec::encode;
use chukei_wire::frame::{FrameType, put_frame};
use chukei_wire::header::{Header, Kind};
use chukei_wire::padding::pad;
use chukei_wire::result::ResultName;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::samples::{self, Visit};

/// Names with their bytes, 32 to a line.
#[derive(Default)]
struct Dump(String);

impl Dump {
    fn bytes(&mut self, name: &str, bytes: &[u8]) {
        self.0.push_str(&format!("{name} ({})\n", bytes.len()));
        for line in bytes.chunks(32) {
            self.0.push_str(&format!("  {}\n", data_encoding::HEXLOWER.encode(line)));
        }
    }
}

impl Visit for Dump {
    fn message<T: Serialize + DeserializeOwned + PartialEq + Debug>(&mut self, name: &str, value: &T) {
        self.bytes(name, &encode(value).unwrap());
    }
}

#[test]
fn frames() {
    use FrameType::{Chunk, Header, Hop, LastChunk, Message, Seal, Status};
    let mut dump = Dump::default();
    for kind in [Header, Hop, Seal, Chunk, LastChunk, Status, Message] {
        let mut frame = Vec::new();
        put_frame(&mut frame, kind, &[0xee; 3]).unwrap();
        dump.bytes(&format!("{kind:?}"), &frame);
    }
    dump.bytes("seal head", &samples::seal_head().to_bytes());
    insta::assert_snapshot!(dump.0);
}

#[test]
fn headers() {
    let mut dump = Dump::default();
    let bytes = samples::header().to_bytes().unwrap();
    dump.bytes("everything", &bytes);
    dump.bytes("its hash", &Header::hash(&bytes).0);
    for &kind in Kind::ALL {
        dump.bytes(&format!("{kind:?}"), &samples::header_of(kind).to_bytes().unwrap());
    }
    insta::assert_snapshot!(dump.0);
}

#[test]
fn hops_and_permits() {
    let mut dump = Dump::default();
    for (name, hop) in ["empty", "sender's code", "permit"].into_iter().zip(samples::hops()) {
        dump.bytes(name, &hop.to_bytes().unwrap());
    }
    dump.bytes("authenticated claims", &samples::claims().to_authenticated_bytes().unwrap());
    insta::assert_snapshot!(dump.0);
}

#[test]
fn leaves() {
    let mut dump = Dump::default();
    for (name, hop) in ["on behalf of", "ticket", "both"].into_iter().zip(samples::leaves()) {
        dump.bytes(name, &hop.to_bytes().unwrap());
    }
    insta::assert_snapshot!(dump.0);
}

#[test]
fn statuses() {
    let mut dump = Dump::default();
    for status in samples::statuses() {
        dump.bytes(&format!("{:?}", status.outcome), &status.to_bytes().unwrap());
    }
    insta::assert_snapshot!(dump.0);
}

#[test]
fn messages() {
    let mut dump = Dump::default();
    samples::visit(&mut dump);
    insta::assert_snapshot!(dump.0);
}

#[test]
fn result_names() {
    let names: Vec<&str> = ResultName::ALL.iter().map(|name| name.as_str()).collect();
    for (name, text) in ResultName::ALL.iter().zip(&names) {
        assert_eq!(encode(name).unwrap(), encode(text).unwrap(), "one name in code and on the wire");
    }
    insta::assert_snapshot!(names.join("\n"));
}

#[test]
fn padding() {
    let padded = pad(b"content", 0);
    let mut dump = Dump::default();
    dump.bytes("start of the first bucket", &padded[..32]);
    insta::assert_snapshot!(dump.0);
}

/// The example in the protocol's description is the real thing.
#[test]
fn the_documented_example() {
    let document = include_str!("../../PROTOCOL.md");
    let (_, block) = document.split_once("```bytes\n").unwrap();
    let (block, _) = block.split_once("```").unwrap();
    let bytes_of = |line: &str| {
        let fields = line.split(' ').take_while(|field| !field.is_empty() && !field.starts_with('"'));
        fields.take_while(|field| *field != "map").collect::<String>()
    };
    let documented: String = block.lines().map(bytes_of).collect();
    let bytes = samples::header_of(Kind::SelfInfo).to_bytes().unwrap();
    assert_eq!(documented, data_encoding::HEXLOWER.encode(&bytes));
}

/// And so is its table of limits.
#[test]
fn the_documented_limits() {
    use FrameType::{Chunk, Header, Hop, LastChunk, Message, Seal, Status};
    let document = include_str!("../../PROTOCOL.md").replace(',', "");
    let names = ["HEADER", "HOP", "SEAL", "CHUNK", "LAST_CHUNK", "STATUS", "MESSAGE"];
    for (kind, name) in [Header, Hop, Seal, Chunk, LastChunk, Status, Message].into_iter().zip(names) {
        let row = format!("| {} | {name} | {} |", kind as u8, kind.limit());
        assert!(document.contains(&row), "{row}");
    }
}
