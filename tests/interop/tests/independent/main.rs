//! Everything we seal, read back by a second implementation (`python/`, from the text of the formats alone).
//!
//! The cases are made here and now by the product's own calls, under fresh keys. The script opens each, compares,
//! and must refuse every altered form of it. Without python3 or its `cryptography` the test says that it was skipped;
//! with CHUKEI_REQUIRE_SERVICES=1 it fails instead.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod at_rest;
mod in_transit;
mod log;
mod receipts;
mod script;

use std::collections::BTreeSet;
use std::path::Path;

#[test]
fn independent_reader_opens_every_sealed_form_and_refuses_it_altered() {
    let cases = [at_rest::cases(), in_transit::cases(), receipts::cases()].concat();
    let formats: BTreeSet<String> =
        cases.iter().map(|case| case["format"].as_str().unwrap().to_owned()).collect();
    let Some(counts) = script::run(&cases) else { return };
    for format in &formats {
        let (opened, refused) = (&counts[format]["opened"], &counts[format]["refused"]);
        eprintln!("{format}: {opened} opened, {refused} altered forms refused");
        assert!(opened.as_u64() > Some(0) && refused.as_u64() > Some(0), "{format}");
    }
    assert_eq!(counts.as_object().unwrap().len(), formats.len());
}

#[test]
fn independent_reader_reads_the_frozen_vectors() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../crypto/tests/vectors");
    let Some(counts) = script::frozen(&folder) else { return };
    eprintln!("frozen vectors read: {counts}");
    assert!(counts.as_object().unwrap().values().all(|count| count.as_u64() > Some(0)));
}

#[test]
fn independent_reader_notices_a_wrong_expectation() {
    let mut case = at_rest::cases().remove(0);
    case["expect"] = script::hex(b"something else");
    let Some(told) = script::refusal(&[case]) else { return };
    assert!(told.contains("opened to something else"), "{told}");
}

#[test]
fn independent_reader_notices_what_is_not_bound() {
    let mut case = in_transit::cases().remove(0);
    case["unbound"] = script::hex(b"nothing looks at this");
    case["altered"].as_array_mut().unwrap().push("unbound".into());
    let Some(told) = script::refusal(&[case]) else { return };
    assert!(told.contains("unbound was altered and still opened"), "{told}");
}

#[test]
fn r43_another_verifier_accepts_our_checkpoints_tiles_and_proofs_and_refuses_them_altered() {
    let folder = tempfile::tempdir().unwrap();
    log::write(folder.path());
    let Some(counts) = script::log(folder.path()) else { return };
    eprintln!("judged by another implementation: {counts}");
    for what in ["checkpoint", "inclusion", "consistency"] {
        let of = |how: &str| counts[what][how].as_u64();
        assert!(of("accepted") > Some(0) && of("refused") > Some(0), "{what}");
    }
    assert!(counts["tiles"]["accepted"].as_u64() > Some(0));
}
