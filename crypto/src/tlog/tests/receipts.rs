//! Leaves in two parts, and receipts about them: verified offline, and nothing of them altered.

use proptest::prelude::*;

use super::*;

const ORIGIN: &str = "chukei.example/982016";

pub(super) fn leaf() -> (Leaf, Opening, Opening) {
    let (of_person, of_body) = (Salt::from_bytes([1; 32]), Salt::from_bytes([2; 32]));
    let person = Commitment::new(Part::Person, &of_person, b"what the person may see");
    let internal = Commitment::new(Part::Internal, &of_body, b"what only the body may");
    let seen = Opening::new(Part::Person, of_person, b"what the person may see".to_vec(), internal).unwrap();
    let kept = Opening::new(Part::Internal, of_body, b"what only the body may".to_vec(), person).unwrap();
    (Leaf { person, internal }, seen, kept)
}

/// The receipt of one leaf among eleven, cosigned by two witnesses, and the keys to verify it by.
pub(super) fn receipt() -> (Receipt, Pins) {
    let (leaf, opening, _) = leaf();
    let mut hashes = leaves(11);
    hashes[6] = leaf.hash();
    let log = LogSigner::new(ORIGIN, signing_key(1)).unwrap();
    let witnesses =
        [2, 3].map(|seed| WitnessSigner::new(&format!("broker-{seed}"), signing_key(seed)).unwrap());
    let keys = witnesses.iter().map(|witness| witness.verifier().clone()).chain([log.verifier().clone()]);
    let pins = Pins::new(ORIGIN, keys.collect()).unwrap();
    let head = definitions::head(&hashes, 11);
    let mut checkpoint = log.sign(Checkpoint::new(ORIGIN, head, Vec::new()).unwrap()).unwrap();
    let signed = checkpoint.clone();
    let admitted = admit(&pins, &TreeHead::EMPTY, &signed, &Proof::default()).unwrap();
    for witness in &witnesses {
        checkpoint.add(witness.cosign(admitted, 1_900_000_000), &pins).unwrap();
    }
    let proof = prove_inclusion(&mut definitions::Memory(&hashes), 6, 11).unwrap();
    (Receipt { opening, index: 6, proof, checkpoint }, pins)
}

#[test]
fn either_part_alone_opens_the_leaf_and_nothing_else_does() {
    let (leaf, seen, kept) = leaf();
    assert_eq!((seen.verify(&leaf), kept.verify(&leaf)), (Ok(()), Ok(())));
    assert_eq!(Leaf::from_entry(&leaf.entry()), Ok(leaf));
    assert_eq!(
        (leaf.commitment(Part::Person), leaf.commitment(Part::Internal)),
        (&leaf.person, &leaf.internal)
    );
    let (salt, content) = (Salt::from_bytes([1; 32]), seen.content().to_vec());
    for other in [
        Opening::new(Part::Internal, salt.clone(), content.clone(), leaf.internal),
        Opening::new(Part::Internal, salt.clone(), content.clone(), leaf.person),
        Opening::new(Part::Person, Salt::from_bytes([3; 32]), content.clone(), leaf.internal),
        Opening::new(Part::Person, salt.clone(), content[1..].to_vec(), leaf.internal),
        Opening::new(Part::Person, salt, content, leaf.person),
    ] {
        assert_eq!(other.unwrap().verify(&leaf), Err(OpeningError::Mismatch));
    }
    let swapped = Leaf { person: leaf.internal, internal: leaf.person };
    assert_ne!(swapped.hash(), leaf.hash());
}

#[test]
fn a_leaf_says_nothing_of_its_parts() {
    let (a, b) = (Salt::generate().unwrap(), Salt::generate().unwrap());
    assert_ne!(Commitment::new(Part::Person, &a, b""), Commitment::new(Part::Person, &b, b""));
    assert_ne!(Commitment::new(Part::Person, &a, b"same"), Commitment::new(Part::Internal, &a, b"same"));
    assert_eq!((a == a.clone(), a == b), (true, false));
    let (_, seen, _) = leaf();
    let shown = format!("{seen:?} {:?}", Salt::from_bytes([0xab; 32]));
    assert_eq!(shown, "Opening { part: Person, .. } Salt(redacted)");
}

#[test]
fn entries_and_openings_of_another_form_are_refused() {
    let (leaf, seen, kept) = leaf();
    let entry = leaf.entry();
    for other in [&entry[..64], &[&entry[..], &[0]].concat(), &[&[2], &entry[1..]].concat(), &[], &[1]] {
        assert_eq!(Leaf::from_entry(other), Err(BadEntry));
    }
    for opening in [&seen, &kept] {
        let bytes = opening.to_bytes();
        assert_eq!(Opening::from_bytes(&bytes).as_ref(), Ok(opening));
        for length in 0..66 {
            assert_eq!(Opening::from_bytes(&bytes[..length]), Err(OpeningError::Malformed));
        }
        for (at, byte) in [(0, 0), (0, 2), (1, 0), (1, 3)] {
            let mut other = bytes.to_vec();
            other[at] = byte;
            assert_eq!(Opening::from_bytes(&other), Err(OpeningError::Malformed));
        }
    }
    let of = |length| Opening::new(Part::Person, Salt::from_bytes([1; 32]), vec![0; length], leaf.internal);
    assert!(of(CONTENT_MAX).is_ok());
    assert_eq!(of(CONTENT_MAX + 1), Err(OpeningError::TooLong));
    let long = [&seen.to_bytes()[..66], &[0; CONTENT_MAX + 1]].concat();
    assert_eq!(Opening::from_bytes(&long), Err(OpeningError::TooLong));
}

#[test]
fn a_receipt_proves_what_was_logged_and_who_witnessed_it() {
    let (receipt, pins) = receipt();
    let text = receipt.to_text();
    let read = Receipt::parse(text.as_bytes()).unwrap();
    assert_eq!(read, receipt);
    let proven = read.verify(&pins).unwrap();
    assert_eq!(
        (proven.part, proven.content, proven.index),
        (Part::Person, &b"what the person may see"[..], 6)
    );
    assert_eq!(proven.head, *receipt.checkpoint.unverified().head());
    assert_eq!(proven.witnessed.standing, Standing::Final);
    assert_eq!(proven.witnessed.by.len(), 2);
}

#[test]
fn a_receipt_of_another_leaf_place_tree_or_log_proves_nothing() {
    let (receipt, pins) = receipt();
    let (leaf, _, kept) = leaf();
    assert!(
        Receipt { opening: kept, ..receipt.clone() }.verify(&pins).is_ok(),
        "the other part, to the body"
    );
    let other =
        Opening::new(Part::Person, Salt::from_bytes([1; 32]), b"what".to_vec(), leaf.internal).unwrap();
    let refused = |receipt: Receipt| receipt.verify(&pins).unwrap_err();
    let root = ReceiptError::Proof(ProofError::Root);
    assert_eq!(refused(Receipt { opening: other, ..receipt.clone() }), root);
    assert_eq!(refused(Receipt { index: 5, ..receipt.clone() }), root);
    let outside = Receipt { index: 11, ..receipt.clone() };
    assert_eq!(refused(outside), ReceiptError::Proof(ProofError::OutOfRange));
    let without = Receipt { proof: Proof::default(), ..receipt.clone() };
    assert_eq!(refused(without), ReceiptError::Proof(ProofError::Length));
    let elsewhere = vec![VerifierKey::new("other", KeyKind::Log, signing_key(1).public()).unwrap()];
    let elsewhere = Pins::new("other", elsewhere).unwrap();
    let refused = receipt.verify(&elsewhere).unwrap_err();
    assert_eq!(refused, ReceiptError::Checkpoint(CheckpointError::OtherLog));
}

#[test]
fn texts_of_another_form_are_no_receipts() {
    let (receipt, _) = receipt();
    let text = receipt.to_text().to_string();
    for (from, to) in [
        ("c2sp.org/tlog-proof@v1", "c2sp.org/tlog-proof@v2"),
        ("@v1\n", "@v1\r\n"),
        ("\nextra ", "\n"),
        ("\nextra ", "\nextra  "),
        ("\nindex 6", "\nindex 06"),
        ("\nindex 6", "\nindex +6"),
        ("\nindex 6", "\nindex "),
        ("\nindex 6", ""),
        ("\nindex 6\n", "\nindex 6\n\n"),
        ("\nindex 6\n", "\nindex 6\n!!notbase64!!\n"),
        ("\nindex 6\n", "\nindex 6\nAAAA\n"),
        ("\n\nchukei", "\nchukei"),
        ("\n\nchukei", "\n\n\nchukei"),
        ("\n11\n", "\n011\n"),
    ] {
        assert!(text.contains(from), "{from:?}");
        let other = text.replacen(from, to, 1);
        assert!(Receipt::parse(other.as_bytes()).is_err(), "{from:?} as {to:?}");
    }
    let hash = data_encoding::BASE64.encode(&[7; 32]) + "\n";
    let many = text.replace("index 6\n", &("index 6\n".to_owned() + &hash.repeat(PROOF_MAX)));
    assert_eq!(Receipt::parse(many.as_bytes()), Err(ReceiptError::Proof(ProofError::Malformed)));
    assert_eq!(Receipt::parse(&vec![b'a'; RECEIPT_MAX + 1]), Err(ReceiptError::TooLarge));
}

#[test]
fn the_largest_receipt_is_within_its_limit() {
    let (mut receipt, _) = receipt();
    let other = receipt.opening.leaf().internal;
    let salt = Salt::from_bytes([1; 32]);
    receipt.opening = Opening::new(Part::Person, salt, vec![0xff; CONTENT_MAX], other).unwrap();
    receipt.index = u64::MAX;
    receipt.proof = Proof::new(vec![[7; 32]; PROOF_MAX]).unwrap();
    let longest = receipt.to_text().len() - receipt.checkpoint.to_string().len() + NOTE_MAX;
    assert!(longest <= RECEIPT_MAX, "{longest}");
    assert_eq!(Receipt::parse(receipt.to_text().as_bytes()), Ok(receipt));
}

/// Every bit of the text matters: what is not refused has lost a witness by its line naming nobody.
#[test]
fn a_receipt_with_any_bit_turned_is_refused_or_has_lost_a_witness() {
    let (receipt, pins) = receipt();
    let text = receipt.to_text();
    let whole = receipt.verify(&pins).unwrap();
    for at in 0..text.len() {
        for bit in 0..8 {
            let mut altered = text.as_bytes().to_vec();
            altered[at] ^= 1 << bit;
            let Ok(altered) = Receipt::parse(&altered) else { continue };
            let Ok(proven) = altered.verify(&pins) else { continue };
            assert_eq!(proven.witnessed.standing, Standing::Provisional, "byte {at} bit {bit}");
            let witnessed = whole.witnessed.clone();
            assert_eq!(Proven { witnessed, ..proven }, whole);
        }
    }
}

proptest! {
    #[test]
    fn a_receipt_from_anywhere_is_refused_or_read_exactly(
        at: prop::sample::Index,
        insert in "|\n|\n\n|AAAA|extra |index 1\n|.{0,5}",
        remove in 0_usize..60,
    ) {
        let (receipt, _) = receipt();
        let text = receipt.to_text();
        let at = (0..=text.len()).rev().find(|to| *to <= at.index(text.len() + 1) && text.is_char_boundary(*to)).unwrap();
        let rest: String = text[at..].chars().skip(remove).collect();
        let altered = text[..at].to_owned() + &insert + &rest;
        if let Ok(read) = Receipt::parse(altered.as_bytes()) {
            prop_assert_eq!(read.to_text().to_string(), altered);
        }
    }
}
