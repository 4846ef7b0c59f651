//! Witnesses: what they let in and cosign, and how those who pinned them count.

use super::definitions::{Memory, head};
use super::*;

const ORIGIN: &str = "chukei.example/982016";

/// A log of ten leaves, with its key.
struct Log {
    signer: LogSigner,
    leaves: Vec<Hash>,
}

impl Log {
    fn new() -> Self {
        Self { signer: LogSigner::new(ORIGIN, signing_key(1)).unwrap(), leaves: leaves(10) }
    }

    fn checkpoint(&self, size: usize) -> SignedCheckpoint {
        self.signed(head(&self.leaves, size))
    }

    fn signed(&self, head: TreeHead) -> SignedCheckpoint {
        self.signer.sign(Checkpoint::new(ORIGIN, head, Vec::new()).unwrap()).unwrap()
    }

    fn proof(&self, old: u64, new: u64) -> Proof {
        prove_consistency(&mut Memory(&self.leaves), old, new).unwrap()
    }

    fn pins(&self, witnesses: &[&WitnessSigner]) -> Pins {
        let keys = witnesses.iter().map(|witness| witness.verifier().clone());
        Pins::new(ORIGIN, keys.chain([self.signer.verifier().clone()]).collect()).unwrap()
    }
}

fn witness(name: &str, seed: u8) -> WitnessSigner {
    WitnessSigner::new(name, signing_key(seed)).unwrap()
}

#[test]
fn a_witness_follows_a_log_that_grows() {
    let log = Log::new();
    let pins = log.pins(&[]);
    let mut last = TreeHead::EMPTY;
    for size in [0, 1, 1, 4, 7, 10] {
        let checkpoint = log.checkpoint(size);
        let proof = log.proof(last.size, size as u64);
        let admitted = admit(&pins, &last, &checkpoint, &proof).unwrap();
        last = *admitted.checkpoint().head();
        assert_eq!(last, head(&log.leaves, size));
    }
}

#[test]
fn a_witness_refuses_a_log_that_shrinks_splits_or_does_not_show_its_growth() {
    let log = Log::new();
    let pins = log.pins(&[]);
    let last = head(&log.leaves, 7);
    let refused =
        |checkpoint: &SignedCheckpoint, proof: &Proof| admit(&pins, &last, checkpoint, proof).unwrap_err();
    assert_eq!(refused(&log.checkpoint(6), &log.proof(6, 7)), Refusal::Shorter);
    assert_eq!(refused(&log.checkpoint(0), &Proof::default()), Refusal::Shorter);
    let split = log.signed(TreeHead { root: [9; 32], ..last });
    assert_eq!(refused(&split, &Proof::default()), Refusal::Split);
    let (ten, forked) = (log.checkpoint(10), log.signed(TreeHead { size: 10, root: [9; 32] }));
    assert_eq!(refused(&forked, &log.proof(7, 10)), Refusal::Growth(ProofError::Root));
    assert_eq!(refused(&ten, &Proof::default()), Refusal::Growth(ProofError::Length));
    assert!(matches!(refused(&ten, &log.proof(6, 10)), Refusal::Growth(_)));
    assert!(admit(&pins, &last, &ten, &log.proof(7, 10)).is_ok());
}

#[test]
fn a_witness_refuses_what_the_log_has_not_signed() {
    let log = Log::new();
    let forger = Log { signer: LogSigner::new(ORIGIN, signing_key(9)).unwrap(), ..Log::new() };
    let (pins, proof) = (log.pins(&[]), Proof::default());
    let unknown = admit(&pins, &TreeHead::EMPTY, &forger.checkpoint(3), &proof).unwrap_err();
    assert_eq!(unknown, Refusal::Checkpoint(CheckpointError::Note(NoteError::UnknownKeys)));
    let elsewhere = LogSigner::new("chukei.example/982024", signing_key(1)).unwrap();
    let other = Checkpoint::new("chukei.example/982024", head(&log.leaves, 3), Vec::new()).unwrap();
    let other = admit(&pins, &TreeHead::EMPTY, &elsewhere.sign(other).unwrap(), &proof).unwrap_err();
    assert_eq!(other, Refusal::Checkpoint(CheckpointError::OtherLog));
}

#[test]
fn cosignatures_count_from_none_to_all() {
    let (log, a, b) = (Log::new(), witness("broker-a", 2), witness("broker-b", 3));
    let pins = log.pins(&[&a, &b]);
    let mut checkpoint = log.checkpoint(5);
    let standing = |checkpoint: &SignedCheckpoint| checkpoint.verify(&pins).unwrap().1;
    assert_eq!(standing(&checkpoint), Witnessed { by: Vec::new(), standing: Standing::Unwitnessed });
    let signed = checkpoint.clone();
    let admitted = admit(&pins, &TreeHead::EMPTY, &signed, &Proof::default()).unwrap();
    checkpoint.add(b.cosign(admitted, 1_900_000_000), &pins).unwrap();
    let by = vec![("broker-b".to_owned(), 1_900_000_000)];
    assert_eq!(standing(&checkpoint), Witnessed { by, standing: Standing::Provisional });
    checkpoint.add(a.cosign(admitted, 1_900_000_001), &pins).unwrap();
    let by = vec![("broker-a".to_owned(), 1_900_000_001), ("broker-b".to_owned(), 1_900_000_000)];
    assert_eq!(standing(&checkpoint), Witnessed { by, standing: Standing::Final });
    let again = SignedCheckpoint::parse(checkpoint.to_string().as_bytes()).unwrap();
    assert_eq!(again, checkpoint);
}

#[test]
fn only_cosignatures_of_pinned_witnesses_that_verify_are_added() {
    let (log, a, stranger) = (Log::new(), witness("broker-a", 2), witness("broker-z", 3));
    let pins = log.pins(&[&a]);
    let (mut five, six) = (log.checkpoint(5), log.checkpoint(6));
    let (signed, proof) = (five.clone(), Proof::default());
    let admitted = admit(&pins, &TreeHead::EMPTY, &signed, &proof).unwrap();
    let of_six = a.cosign(admit(&pins, &TreeHead::EMPTY, &six, &proof).unwrap(), 7);
    assert_eq!(five.add(stranger.cosign(admitted, 7), &pins), Err(NoteError::UnknownKeys));
    assert_eq!(five.add(of_six, &pins), Err(NoteError::BadSignature));
    let moved = Signature::new(a.verifier(), [&[0; 8], &a.cosign(admitted, 7).bytes()[8..]].concat());
    assert_eq!(five.add(moved, &pins), Err(NoteError::BadSignature));
    for time in [TIME_MAX + 1, u64::MAX] {
        assert_eq!(five.add(a.cosign(admitted, time), &pins), Err(NoteError::BadSignature));
    }
    for short in [vec![0], vec![0; 7], vec![0; 8], vec![0; 73]] {
        assert_eq!(five.add(Signature::new(a.verifier(), short), &pins), Err(NoteError::BadSignature));
    }
    assert_eq!(five, signed);
    five.add(a.cosign(admitted, TIME_MAX), &pins).unwrap();
    assert_eq!(five.add(a.cosign(admitted, 8), &pins), Err(NoteError::Doubled));
}

#[test]
fn a_witness_with_two_keys_counts_once_with_its_newest_time() {
    let log = Log::new();
    let (old, new, other) = (witness("broker-a", 2), witness("broker-a", 3), witness("broker-b", 4));
    let pins = log.pins(&[&new, &old, &other]);
    let mut checkpoint = log.checkpoint(5);
    let signed = checkpoint.clone();
    let admitted = admit(&pins, &TreeHead::EMPTY, &signed, &Proof::default()).unwrap();
    checkpoint.add(old.cosign(admitted, 20), &pins).unwrap();
    checkpoint.add(new.cosign(admitted, 10), &pins).unwrap();
    let (_, witnessed) = checkpoint.verify(&pins).unwrap();
    assert_eq!(witnessed.by, [("broker-a".to_owned(), 20)]);
    assert_eq!(witnessed.standing, Standing::Provisional);
    checkpoint.add(other.cosign(admitted, 5), &pins).unwrap();
    assert_eq!(checkpoint.verify(&pins).unwrap().1.standing, Standing::Final);
}

#[test]
fn keys_that_would_count_twice_or_for_another_log_are_not_pinned() {
    let key = |name, kind, seed| VerifierKey::new(name, kind, signing_key(seed).public()).unwrap();
    let log = key(ORIGIN, KeyKind::Log, 1);
    let (a, b) = (key("broker-a", KeyKind::Witness, 2), key("broker-b", KeyKind::Witness, 3));
    let pins = |keys: &[&VerifierKey]| Pins::new(ORIGIN, keys.iter().copied().cloned().collect());
    assert!(pins(&[&a, &log, &b, &key(ORIGIN, KeyKind::Log, 4)]).is_ok());
    assert_eq!(pins(&[]), Err(PinsError::Number));
    assert_eq!(pins(&[&a, &b]), Err(PinsError::Number));
    assert_eq!(pins(&[&key("other", KeyKind::Log, 4)]), Err(PinsError::OtherLog));
    assert_eq!(pins(&[&log, &key("other", KeyKind::Log, 4)]), Err(PinsError::OtherLog));
    assert_eq!(pins(&[&log, &a, &a]), Err(PinsError::Doubled));
    assert_eq!(pins(&[&log, &a, &key("broker-b", KeyKind::Witness, 2)]), Err(PinsError::Doubled));
    assert_eq!(pins(&[&log, &key(ORIGIN, KeyKind::Witness, 1)]), Err(PinsError::Doubled));
    let many: Vec<_> =
        (2..).map(|seed| key("broker-a", KeyKind::Witness, seed)).take(SIGNATURES_MAX).collect();
    assert!(pins(&many.iter().skip(1).chain([&log]).collect::<Vec<_>>()).is_ok());
    assert_eq!(pins(&many.iter().chain([&log]).collect::<Vec<_>>()), Err(PinsError::Number));
}
