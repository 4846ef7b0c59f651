//! Cases of what travels: sealed bodies, person codes, binding tags, permits, acquisition numbers.

use chukei_crypto::acquisition::{AcquisitionKeyPair, IssueRequest, PartyPart, issue};
use chukei_crypto::binding::BindingSecret;
use chukei_crypto::channel::{
    CHUNK_PLAIN, DirectionSecret, MessageContext, MessageSealer, SUITE_AES_256_GCM, TAG,
};
use chukei_crypto::permit::{Epoch, NO_ROOT, PermitKey, leaf, sign_root};
use chukei_crypto::person_code::CodeMaster;
use chukei_crypto::random;
use chukei_crypto::sign::SigningKey;
use chukei_wire::frame::{FrameType, SealHead, put_frame};
use chukei_wire::padding::pad;
use serde_json::{Value, json};

use crate::script::hex;

pub(crate) fn cases() -> Vec<Value> {
    let mut cases = codes();
    cases.extend(messages());
    cases.extend(framed_bodies());
    cases.extend(binding_tags());
    cases.push(permit_tag());
    cases.push(permit_roots());
    cases.push(acquisition_number());
    cases
}

fn random_key() -> [u8; 32] {
    random::bytes().unwrap()
}

fn codes() -> Vec<Value> {
    let master = random_key();
    let case = |(version, person): (u8, u64)| {
        let code = CodeMaster::new(version, master).unwrap().party("body/982016").encode(person);
        json!({
            "format": "person code",
            "master": hex(&master),
            "version": version,
            "party": hex(b"body/982016"),
            "sealed": hex(&code),
            "expect": hex(&person.to_be_bytes()),
            "altered": ["sealed", "party", "master"],
        })
    };
    [(1, 0), (1, u64::MAX), (2, 42)].into_iter().map(case).collect()
}

/// Bodies of none, some and several chunks, bound or not, either way.
fn messages() -> Vec<Value> {
    let mut cases = Vec::new();
    for (lengths, reply, version) in [
        (vec![0], false, 0),
        (vec![1_024], true, 0),
        (vec![100], false, 1),
        (vec![CHUNK_PLAIN, 10], true, 2),
        (vec![3, 2, 1], true, 127),
    ] {
        cases.push(message(&lengths, reply, version));
    }
    cases
}

/// Bodies as the wire's frames hold them, padded, of one chunk and of several.
fn framed_bodies() -> Vec<Value> {
    [(0, 0), (1_020, 1), (1_021, 2), (200_000, 127)].map(|(length, version)| framed(length, version)).into()
}

fn framed(length: usize, version: u8) -> Value {
    let (direction, header, bound) = (random_key(), random_key(), random_key());
    let binding = BindingSecret::from_bytes(version, bound).ok();
    let context = MessageContext { header, reply: true, bound: binding.as_ref() };
    let mut sealer = MessageSealer::fresh(&DirectionSecret::from_bytes(direction), &context).unwrap();
    let content = vec![b'c'; length];
    let padded = pad(&content, 0);
    let head = SealHead { suite: SUITE_AES_256_GCM, binding: version, salt: sealer.salt() };
    let mut frames = Vec::new();
    put_frame(&mut frames, FrameType::Seal, &head.to_bytes()).unwrap();
    let mut parts = padded.chunks(CHUNK_PLAIN).peekable();
    while let Some(part) = parts.next() {
        let last = parts.peek().is_none();
        let mut chunk = [part, &[0; TAG]].concat();
        sealer.seal_chunk(&mut chunk, last).unwrap();
        let kind = if last { FrameType::LastChunk } else { FrameType::Chunk };
        put_frame(&mut frames, kind, &chunk).unwrap();
    }
    json!({
        "format": "framed body",
        "direction_secret": hex(&direction),
        "header": hex(&header),
        "reply": true,
        "binding": binding.map(|secret| json!({
            "version": secret.version(), "secret": hex(secret.as_bytes()),
        })),
        "receipt": hex(&sealer.receipt_tag().unwrap()),
        "sealed": hex(&frames),
        "expect": hex(&content),
        "altered": ["sealed", "header", "direction_secret", "receipt"],
    })
}

fn message(lengths: &[usize], reply: bool, version: u8) -> Value {
    let (direction, header, bound) = (random_key(), random_key(), random_key());
    let binding = (version > 0).then(|| BindingSecret::from_bytes(version, bound).unwrap());
    let context = MessageContext { header, reply, bound: binding.as_ref() };
    let mut sealer = MessageSealer::fresh(&DirectionSecret::from_bytes(direction), &context).unwrap();
    let (mut chunks, mut plain) = (Vec::new(), Vec::new());
    for (number, length) in lengths.iter().enumerate() {
        let content = vec![b'a' + u8::try_from(number).unwrap(); *length];
        plain.extend_from_slice(&content);
        let mut chunk = [content, vec![0; TAG]].concat();
        sealer.seal_chunk(&mut chunk, number + 1 == lengths.len()).unwrap();
        chunks.push(hex(&chunk));
    }
    json!({
        "format": "message",
        "direction_secret": hex(&direction),
        "header": hex(&header),
        "reply": reply,
        "binding": binding.map(|secret| json!({
            "version": secret.version(), "secret": hex(secret.as_bytes()),
        })),
        "salt": hex(&sealer.salt()),
        "chunks": chunks,
        "receipt": hex(&sealer.receipt_tag().unwrap()),
        "expect": hex(&plain),
        "altered": ["chunks", "header", "salt", "direction_secret", "receipt"],
    })
}

fn binding_tags() -> Vec<Value> {
    let case = |version: u8| {
        let (master, header) = (random_key(), random_key());
        let secret = BindingSecret::derive(&master, version, b"person", b"982016").unwrap();
        json!({
            "format": "binding tag",
            "master": hex(&master),
            "version": version,
            "person": hex(b"person"),
            "body": hex(b"982016"),
            "header": hex(&header),
            "sealed": hex(&secret.tag(&header)),
            "expect": hex(&header),
            "altered": ["sealed", "master", "person", "body", "header"],
        })
    };
    [1, 2].map(case).into()
}

fn permit_tag() -> Value {
    let (key, claims) = (random_key(), b"canonical claims of a permit");
    json!({
        "format": "permit tag",
        "key": hex(&key),
        "claims": hex(claims),
        "sealed": hex(&PermitKey::from_bytes(key).tag(claims)),
        "expect": hex(claims),
        "altered": ["sealed", "key", "claims"],
    })
}

/// Three chained roots over six permits.
fn permit_roots() -> Value {
    let key = SigningKey::from_pkcs8(&SigningKey::generate().unwrap()).unwrap();
    let epoch = Epoch {
        broker: "broker-a".to_owned(),
        receiver: "chukei://node/node-a".to_owned(),
        id: random::bytes().unwrap(),
    };
    let permits: Vec<Vec<u8>> = (1..=6u8).map(|number| vec![number; 40]).collect();
    let counts = [1, 3, 2];
    let (mut previous, mut first, mut signatures) = (NO_ROOT, 1, Vec::new());
    for count in counts {
        let covered = permits.iter().skip(usize::try_from(first).unwrap() - 1).take(count);
        let leaves = covered.map(|claims| leaf(claims)).collect::<Vec<_>>().concat();
        previous = epoch.root(&previous, first, &leaves).unwrap();
        signatures.push(hex(&sign_root(&key, &previous)));
        first += count as u64;
    }
    json!({
        "format": "permit root",
        "broker": hex(epoch.broker.as_bytes()),
        "receiver": hex(epoch.receiver.as_bytes()),
        "epoch": hex(&epoch.id),
        "public": hex(&key.public()),
        "permits": permits.iter().map(|claims| hex(claims)).collect::<Vec<_>>(),
        "counts": counts,
        "signatures": signatures,
        "expect": hex(&previous),
        "altered": ["permits", "signatures", "broker", "receiver", "epoch", "public"],
    })
}

fn acquisition_number() -> Value {
    const PARTY: &str = "body/982016";
    const PERSON: u64 = 0x0102_0304_0506_0708;
    let (broker, body) = (AcquisitionKeyPair::generate().unwrap(), AcquisitionKeyPair::generate().unwrap());
    let registry = SigningKey::from_pkcs8(&SigningKey::generate().unwrap()).unwrap();
    let binding = BindingSecret::from_bytes(2, random_key()).unwrap();
    let number_id: [u8; 16] = random::bytes().unwrap();
    let part = PartyPart { binding, number_id };
    let not_after_ms = 1_800_000_000_000;
    let number = issue(&IssueRequest {
        party: PARTY,
        person: PERSON,
        part: Some(&part),
        not_after_ms,
        broker_public: &broker.public(),
        party_public: Some(&body.public()),
        registry: &registry,
    });
    let inside = [&PERSON.to_be_bytes()[..], &[2], &number_id, part.binding.as_bytes()].concat();
    json!({
        "format": "acquisition number",
        "party": hex(PARTY.as_bytes()),
        "not_after_ms": not_after_ms,
        "registry_public": hex(&registry.public()),
        "broker_key": hex(&broker.to_bytes()[..]),
        "party_key": hex(&body.to_bytes()[..]),
        "sealed": hex(number.unwrap().as_bytes()),
        "expect": hex(&inside),
        "altered": ["sealed", "party", "registry_public"],
    })
}
