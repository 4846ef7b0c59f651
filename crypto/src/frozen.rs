//! The frozen bytes of what is sealed at rest and on a channel: `tests/vectors/seals.json`.
//!
//! The file holds every input beside the output, for implementations other than this one. What was sealed must open
//! for as long as the formats stand, so the file never changes: a new form gets a new version or suite. It is
//! written anew where `INSTA_UPDATE=always` is set.

use std::fmt::Write as _;
use std::path::Path;

use crate::binding::BindingSecret;
use crate::channel::{DirectionSecret, MessageContext, MessageOpener, MessageSealer};
use crate::hash::sha256;
use crate::key::{DayKey, Key32};
use crate::seal::{
    self, BODY_MAX, CHUNK_PLAIN, HEADER, KeyError, KeyIds, KeySource, PersonSlot, Place, Purpose, ROW_MAX,
    StreamOpener, StreamSealer, TAG,
};

const DAY_KEY: [u8; 32] = [1; 32];
const PERSON_KEY: [u8; 32] = [2; 32];
const SALT: [u8; 16] = [3; 16];
const PERSON: Option<PersonSlot> = Some(PersonSlot { page: 3, slot: 7 });

/// Every day key is number 100 + its purpose, every person key of the first generation.
struct Keys(DayKey, Key32);

impl KeySource for Keys {
    fn day_key(&self, purpose: Purpose, _day: u32) -> Result<(u32, &DayKey), KeyError> {
        Ok((100 + purpose as u32, &self.0))
    }

    fn day_key_by_id(&self, purpose: Purpose, _day: u32, id: u32) -> Result<&DayKey, KeyError> {
        if id == 100 + purpose as u32 { Ok(&self.0) } else { Err(KeyError::Destroyed) }
    }

    fn person_key(&self, _slot: PersonSlot) -> Result<(u32, &Key32), KeyError> {
        Ok((1, &self.1))
    }
}

fn keys() -> Keys {
    Keys(DayKey::from_bytes(DAY_KEY), Key32::from_bytes(PERSON_KEY))
}

fn hex(bytes: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(bytes)
}

/// Strings as they are; numbers and lists are given ready.
fn object(fields: &[(&str, String)]) -> String {
    let fields: Vec<_> = fields.iter().map(|(name, value)| format!("\"{name}\": {value}")).collect();
    format!("    {{\n      {}\n    }}", fields.join(",\n      "))
}

fn text(value: &str) -> String {
    format!("\"{value}\"")
}

fn bytes(value: &[u8]) -> String {
    text(&hex(value))
}

/// What value and stream have in common.
fn inputs(ids: KeyIds, place: Place<'_>) -> Vec<(&'static str, String)> {
    vec![
        ("day_key", bytes(&DAY_KEY)),
        ("person_key", bytes(if ids.person.is_some() { &PERSON_KEY } else { &[] })),
        ("body", bytes(place.body)),
        ("space", place.space.to_string()),
        ("row", bytes(place.row)),
        ("salt", bytes(&SALT)),
    ]
}

fn value(name: &str, ids: KeyIds, place: Place<'_>, plain: &[u8]) -> String {
    let sealed = seal::seal_salted(&keys(), ids, place, plain, SALT).unwrap();
    assert_eq!(seal::open(&keys(), place, &sealed).unwrap().get(), plain);
    let mut fields = vec![("name", text(name))];
    fields.extend(inputs(ids, place));
    fields.extend([("plaintext", bytes(plain)), ("sealed", bytes(&sealed))]);
    object(&fields)
}

/// A stream of `length` bytes, each its own position modulo 251. Long ones are given by their hash.
fn stream(name: &str, length: usize) -> String {
    let ids = KeyIds { purpose: Purpose::Notices, day: 20_000, person: PERSON };
    let place = Place { body: b"982016", space: 9, row: b"attachment" };
    let plain: Vec<u8> = (0..length).map(|at| u8::try_from(at % 251).unwrap()).collect();
    let mut sealer = StreamSealer::salted(&keys(), ids, place, SALT).unwrap();
    let mut sealed = sealer.header().to_vec();
    let mut opener = StreamOpener::new(&keys(), place, &sealer.header()).unwrap();
    let parts: Vec<_> = plain.chunks(CHUNK_PLAIN).collect();
    let (last, before) = parts.split_last().map_or((&[][..], &[][..]), |(last, before)| (*last, before));
    for part in before {
        let mut chunk = [part, &[0; TAG][..]].concat();
        sealer.seal_chunk(&mut chunk).unwrap();
        sealed.extend_from_slice(&chunk);
        assert_eq!(opener.open_chunk(&mut chunk).unwrap().get(), *part);
    }
    let mut chunk = [last, &[0; TAG]].concat();
    sealer.seal_last(&mut chunk).unwrap();
    sealed.extend_from_slice(&chunk);
    assert_eq!(opener.open_last(&mut chunk).unwrap().0.get(), &last);
    assert!(sealed.len() > HEADER);
    let mut fields = vec![("name", text(name))];
    fields.extend(inputs(ids, place));
    fields.push(("plaintext_length", length.to_string()));
    fields.push(("sealed_sha256", bytes(&sha256(&sealed))));
    if sealed.len() < 200 {
        fields.push(("sealed", bytes(&sealed)));
    }
    object(&fields)
}

fn message(name: &str, reply: bool, version: u8, parts: &[&[u8]]) -> String {
    let (secret, header, binding_secret) = ([4; 32], [5; 32], [6; 32]);
    let binding = BindingSecret::from_bytes(version, binding_secret).ok();
    let context = MessageContext { header, reply, bound: binding.as_ref() };
    let direction = DirectionSecret::from_bytes(secret);
    let mut sealer = MessageSealer::salted(&direction, SALT, &context).unwrap();
    let mut opener = MessageOpener::new(&direction, &SALT, &context).unwrap();
    let mut chunks = Vec::new();
    for (at, part) in parts.iter().enumerate() {
        let last = at + 1 == parts.len();
        let mut chunk = [part, &[0; TAG][..]].concat();
        sealer.seal_chunk(&mut chunk, last).unwrap();
        chunks.push(format!("{{\"plaintext\": {}, \"sealed\": {}}}", bytes(part), bytes(&chunk)));
        assert_eq!(opener.open_chunk(&mut chunk, last).unwrap(), *part);
    }
    assert_eq!(sealer.receipt_tag(), opener.receipt_tag());
    object(&[
        ("name", text(name)),
        ("direction_secret", bytes(&secret)),
        ("header_hash", bytes(&header)),
        ("reply", reply.to_string()),
        ("binding_version", version.to_string()),
        ("binding_secret", bytes(if version > 0 { &binding_secret } else { &[] })),
        ("salt", bytes(&SALT)),
        ("chunks", format!("[{}]", chunks.join(", "))),
        ("receipt", bytes(&sealer.receipt_tag().unwrap())),
    ])
}

fn vectors() -> String {
    let of_a_person = KeyIds { purpose: Purpose::Copies, day: 20_000, person: PERSON };
    let standing = KeyIds { purpose: Purpose::Audit, day: 0, person: None };
    let place = Place { body: b"982016", space: 5, row: b"row key" };
    let longest = Place { body: &[b'b'; BODY_MAX], space: 255, row: &[b'r'; ROW_MAX] };
    let search = KeyIds {
        purpose: Purpose::Search,
        day: u32::MAX,
        person: Some(PersonSlot { page: u32::MAX, slot: 255 }),
    };
    let sections = [
        (
            "values",
            vec![
                value("of a person", of_a_person, place, b"plaintext"),
                value("of nobody", standing, place, b"plaintext"),
                value("empty", of_a_person, place, b""),
                value("largest ids and longest place", search, longest, b"plaintext"),
            ],
        ),
        (
            "streams",
            vec![
                stream("empty", 0),
                stream("one chunk", 100),
                stream("one full chunk", CHUNK_PLAIN),
                stream("three chunks", 2 * CHUNK_PLAIN + 1),
            ],
        ),
        (
            "messages",
            vec![
                message("request, unbound", false, 0, &[b"request"]),
                message("reply, bound", true, 1, &[b"one", b"two", b""]),
                message("reply, bound to the second version", true, 2, &[b"reply"]),
            ],
        ),
    ];
    let mut json = String::from("{");
    for (at, (name, cases)) in sections.iter().enumerate() {
        let comma = if at == 0 { "" } else { "," };
        write!(json, "{comma}\n  \"{name}\": [\n{}\n  ]", cases.join(",\n")).unwrap();
    }
    json + "\n}\n"
}

#[test]
fn frozen_vectors_of_values_streams_and_messages() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/seals.json");
    let made = vectors();
    if std::env::var_os("INSTA_UPDATE").is_some_and(|update| update == "always") {
        std::fs::write(&path, &made).unwrap();
    }
    let held = std::fs::read_to_string(&path).unwrap();
    for (number, (made, held)) in made.lines().zip(held.lines()).enumerate() {
        assert_eq!(made, held, "line {} of {}", number + 1, path.display());
    }
    assert_eq!(made, held);
}
