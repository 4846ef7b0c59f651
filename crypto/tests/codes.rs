//! The frozen forms of person codes and bindings with everything they are made of: `tests/vectors/codes.json`, for
//! readers that share no code with ours. Byte strings in hexadecimal, the rest as it is.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::path::Path;

use chukei_crypto::binding::BindingSecret;
use chukei_crypto::person_code::CodeMaster;

const PARTIES: [&str; 2] = ["body/982016", "portal/mynaportal"];
const PERSONS: [u64; 3] = [0, 0x0123_4567_89ab_cdef, u64::MAX];
const HEADER: [u8; 32] = [9; 32];

fn hex(bytes: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(bytes)
}

/// The master of this version, the same bytes for codes and bindings: their labels keep them apart.
fn master(version: u8) -> [u8; 32] {
    [0xa0 ^ version; 32]
}

fn code(version: u8, party: &str, person: u64) -> String {
    let code = CodeMaster::new(version, master(version)).unwrap().party(party).encode(person);
    format!(
        "    {{\"master\": \"{}\", \"version\": {version}, \"party\": \"{party}\", \"person\": \"{}\", \"code\": \"{}\"}}",
        hex(&master(version)),
        hex(&person.to_be_bytes()),
        hex(&code)
    )
}

fn binding(version: u8, person: u64) -> String {
    let number = person.to_be_bytes();
    let secret = BindingSecret::derive(&master(version), version, &number, b"982016").unwrap();
    format!(
        "    {{\"master\": \"{}\", \"version\": {version}, \"person\": \"{}\", \"body\": \"982016\", \"secret\": \"{}\", \
         \"header_hash\": \"{}\", \"tag\": \"{}\"}}",
        hex(&master(version)),
        hex(&number),
        hex(secret.as_bytes()),
        hex(&HEADER),
        hex(&secret.tag(&HEADER))
    )
}

fn vectors() -> String {
    let mut codes = Vec::new();
    let mut bindings = Vec::new();
    for version in [1, 2] {
        for person in PERSONS {
            codes.extend(PARTIES.map(|party| code(version, party, person)));
            bindings.push(binding(version, person));
        }
    }
    format!(
        "{{\n  \"person_codes\": [\n{}\n  ],\n  \"bindings\": [\n{}\n  ]\n}}\n",
        codes.join(",\n"),
        bindings.join(",\n")
    )
}

#[test]
fn frozen_vectors_of_person_codes_and_bindings_of_both_versions() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/codes.json");
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
