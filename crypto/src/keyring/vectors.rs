//! The frozen forms with everything that went into them, for whoever decodes them without this code.
//!
//! `crypto/tests/vectors/keyring.json`: byte strings in hexadecimal, texts as they are. What the fields mean is said
//! where the forms are described: the modules `file`, `wrap`, `page` and `naming`.

use std::fmt::Write;

use super::tests::{WRAP_PLACE, epoch, fixed, key, root};
use super::wrap::wrap_salted;
use super::*;

const FROZEN: &str = include_str!("../../tests/vectors/keyring.json");

fn hex(bytes: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(bytes)
}

/// The keys of slots 0 to 255 of the frozen page: each of 32 bytes of its own number.
fn page() -> Page {
    let mut keys: Vec<(u32, Key32)> = (0..=255u8).map(|slot| (1, Key32::from_bytes([slot; 32]))).collect();
    keys[7].0 = 3;
    Page { page: 9, keys }
}

fn wrapped_part(wrapped: &[u8]) -> String {
    let WrapPlace { root: number, epoch: day, .. } = WRAP_PLACE;
    format!(
        "  \"wrapped\": {{\n    \"owner\": \"982016\",\n    \"root\": {number},\n    \"root_key\": \"{}\",\n    \
         \"epoch\": {day},\n    \"epoch_key\": \"{}\",\n    \"key\": \"{}\",\n    \"sealed\": \"{}\"\n  }},\n",
        hex(root().as_bytes()),
        hex(epoch().as_bytes()),
        hex(key().as_bytes()),
        hex(wrapped)
    )
}

fn keyring_part(keyring: &Keyring, sealed: &[u8]) -> String {
    let days = keyring.days.iter().map(|((purpose, day, number), key)| {
        let purpose = *purpose as u8;
        let key = hex(key.as_bytes());
        format!("{{\"purpose\": {purpose}, \"day\": {day}, \"number\": {number}, \"key\": \"{key}\"}}")
    });
    let pages = keyring.pages.iter().map(|((page, number), key)| {
        format!("{{\"page\": {page}, \"number\": {number}, \"key\": \"{}\"}}", hex(key.as_bytes()))
    });
    let lines = |entries: Vec<String>| entries.join(",\n      ");
    format!(
        "  \"keyring\": {{\n    \"owner\": \"982016\",\n    \"generation\": {},\n    \"key\": \"{}\",\n    \
         \"next_number\": {},\n    \"first_day\": {},\n    \"naming\": \"{}\",\n    \"log\": \"{}\",\n    \
         \"days\": [\n      {}\n    ],\n    \"pages\": [\n      {}\n    ],\n    \"sealed\": \"{}\"\n  }},\n",
        keyring.generation,
        hex(key().as_bytes()),
        keyring.next_number,
        keyring.first_day,
        hex(keyring.naming.0.as_bytes()),
        hex(keyring.log.0.as_bytes()),
        lines(days.collect()),
        lines(pages.collect()),
        hex(sealed)
    )
}

fn page_part(keyring: &Keyring) -> String {
    let page = page();
    let ((_, number), page_key) = keyring.pages.last_key_value().unwrap();
    let slots =
        page.keys.iter().map(|(generation, key)| format!("[{generation}, \"{}\"]", hex(key.as_bytes())));
    let sealed = page.to_sealed_salted(keyring, [8; 16]).unwrap();
    format!(
        "  \"page\": {{\n    \"owner\": \"982016\",\n    \"page\": 9,\n    \"number\": {number},\n    \
         \"page_key\": \"{}\",\n    \"slots\": [\n      {}\n    ],\n    \"sealed\": \"{}\"\n  }},\n",
        hex(page_key.as_bytes()),
        slots.collect::<Vec<_>>().join(",\n      "),
        hex(&sealed)
    )
}

fn names_part(keyring: &Keyring) -> String {
    let person_key = Key32::from_bytes([1; 32]);
    let parts: [&[u8]; 2] = [b"part", b"other"];
    let name = |kind: &str, secret: &Key32, naming: &NamingKey| {
        let (secret, name) = (hex(secret.as_bytes()), hex(&naming.name(5, &parts)));
        format!(
            "    {{\"of\": \"{kind}\", \"key\": \"{secret}\", \"space\": 5, \
             \"parts\": [\"part\", \"other\"], \"name\": \"{name}\"}}"
        )
    };
    let of_body = name("body", &keyring.naming.0, &keyring.naming.1);
    let of_person = name("person", &person_key, &NamingKey::for_person(&person_key));
    format!("  \"names\": [\n{of_body},\n{of_person}\n  ]\n")
}

#[test]
fn the_published_vectors_are_what_is_written() {
    let mut keyring = fixed();
    let wrapped = wrap_salted(&root(), &epoch(), WRAP_PLACE, &key(), [[11; 16], [12; 16]]).unwrap();
    let under = Wrapped { root: WRAP_PLACE.root, epoch: WRAP_PLACE.epoch, key: &wrapped };
    let sealed = keyring.seal_salted(0, &key(), under, [6; 16]).unwrap();
    let mut document = String::from("{\n  \"form\": \"chukei keyring 1\",\n");
    for part in
        [wrapped_part(&wrapped), keyring_part(&keyring, &sealed), page_part(&keyring), names_part(&keyring)]
    {
        document.write_str(&part).unwrap();
    }
    document.push_str("}\n");
    assert!(document == FROZEN, "crypto/tests/vectors/keyring.json should be:\n{document}");
}
