//! The frozen bytes of leaves, openings and receipts: `tests/vectors/log.json`, with every input beside the output, for
//! implementations other than this one. What was logged and handed out must verify for as long as anybody keeps it, so
//! the file never changes: a new form gets a new version. It is written anew where `INSTA_UPDATE=always` is set.

use std::path::Path;

use super::*;

fn hex(bytes: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(bytes)
}

/// A leaf of two parts, with both openings.
fn case(salts: [u8; 2], parts: [&[u8]; 2]) -> String {
    let [of_person, of_body] = salts.map(|salt| Salt::from_bytes([salt; 32]));
    let [seen, kept] = parts;
    let person = Commitment::new(Part::Person, &of_person, seen);
    let internal = Commitment::new(Part::Internal, &of_body, kept);
    let leaf = Leaf { person, internal };
    let shown = Opening::new(Part::Person, of_person.clone(), seen.to_vec(), internal).unwrap();
    let hidden = Opening::new(Part::Internal, of_body.clone(), kept.to_vec(), person).unwrap();
    let fields = [
        ("person_salt", hex(of_person.as_bytes())),
        ("person_part", hex(seen)),
        ("internal_salt", hex(of_body.as_bytes())),
        ("internal_part", hex(kept)),
        ("entry", hex(&leaf.entry())),
        ("leaf_hash", hex(&leaf.hash())),
        ("person_opening", hex(&shown.to_bytes())),
        ("internal_opening", hex(&hidden.to_bytes())),
    ]
    .map(|(name, value)| format!("      \"{name}\": \"{value}\""));
    format!("    {{\n{}\n    }}", fields.join(",\n"))
}

fn vectors() -> String {
    let cases = [
        case([1, 2], [b"what the person may see", b"what only the body may"]),
        case([3, 4], [b"", b"of nobody"]),
        case([5, 6], [&[0xa8; 300], b""]),
    ];
    let (receipt, pins) = receipts::receipt();
    let keys: Vec<_> = pins.keys().iter().map(|key| format!("\"{key}\"")).collect();
    format!(
        "{{\n  \"leaves\": [\n{}\n  ],\n  \"receipt\": {{\n    \"keys\": [{}],\n    \"text\": \"{}\"\n  }}\n}}\n",
        cases.join(",\n"),
        keys.join(", "),
        receipt.to_text().replace('\n', "\\n"),
    )
}

#[test]
fn the_frozen_vectors_of_leaves_and_a_receipt_stand() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/log.json");
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
