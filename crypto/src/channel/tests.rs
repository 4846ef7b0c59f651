//! Sealed bodies: chunk order, direction, header, person and salt are all part of the key or the nonce.

use proptest::prelude::*;

use super::*;

const SALT: [u8; 16] = [5; 16];

fn secret() -> DirectionSecret {
    DirectionSecret::from_bytes([1; 32])
}

fn binding() -> BindingSecret {
    BindingSecret::from_bytes([2; 32])
}

fn context(bound: Option<&BindingSecret>) -> MessageContext<'_> {
    MessageContext { header: [3; 32], reply: true, bound }
}

fn sealed(context: &MessageContext<'_>, chunks: &[&[u8]]) -> Vec<Vec<u8>> {
    let mut key = MessageKey::derive(&secret(), &SALT, context).unwrap();
    let last = chunks.len() - 1;
    chunks
        .iter()
        .enumerate()
        .map(|(i, chunk)| {
            let mut buf = chunk.to_vec();
            key.seal_chunk(&mut buf, i == last).unwrap();
            buf
        })
        .collect()
}

/// Opens chunks in the order given, the last one as the last.
fn opened(key: &mut MessageKey, chunks: &[Vec<u8>]) -> Result<Vec<u8>, ChannelError> {
    let mut plain = Vec::new();
    for (i, chunk) in chunks.iter().enumerate() {
        let mut buf = chunk.clone();
        plain.extend_from_slice(key.open_chunk(&mut buf, i + 1 == chunks.len())?);
    }
    Ok(plain)
}

fn reopened(context: &MessageContext<'_>, chunks: &[Vec<u8>]) -> Result<Vec<u8>, ChannelError> {
    opened(&mut MessageKey::derive(&secret(), &SALT, context).unwrap(), chunks)
}

#[test]
fn a_body_opens_chunk_by_chunk_up_to_the_longest_chunk() {
    let binding = binding();
    let longest = vec![7; CHUNK_PLAIN];
    for bound in [None, Some(&binding)] {
        let context = context(bound);
        let chunks = sealed(&context, &[&longest, b"", b"end"]);
        assert_eq!(chunks[0].len(), CHUNK_PLAIN + TAG);
        assert_eq!(reopened(&context, &chunks).unwrap(), [&longest[..], b"end"].concat());
    }
}

#[test]
fn r30_a_body_opens_only_in_its_own_exchange() {
    let (ours, theirs) = (binding(), BindingSecret::from_bytes([9; 32]));
    let right = context(Some(&ours));
    let chunks = sealed(&right, &[b"answer"]);
    let wrong = [
        MessageContext { header: [4; 32], ..right },
        MessageContext { reply: false, ..right },
        MessageContext { bound: None, ..right },
        MessageContext { bound: Some(&theirs), ..right },
    ];
    for context in wrong {
        assert_eq!(reopened(&context, &chunks), Err(ChannelError::IntegrityFailure));
    }
    let mut other_salt = MessageKey::derive(&secret(), &[6; 16], &right).unwrap();
    assert_eq!(opened(&mut other_salt, &chunks), Err(ChannelError::IntegrityFailure));
    let direction = DirectionSecret::from_bytes([8; 32]);
    let mut other_direction = MessageKey::derive(&direction, &SALT, &right).unwrap();
    assert_eq!(opened(&mut other_direction, &chunks), Err(ChannelError::IntegrityFailure));
    assert_eq!(reopened(&right, &chunks).unwrap(), b"answer");
}

#[test]
fn chunks_cut_swapped_repeated_or_prolonged_do_not_open() {
    let context = context(None);
    let chunks = sealed(&context, &[b"one", b"two", b"three"]);
    let [one, two, three] = [0, 1, 2].map(|i: usize| chunks[i].clone());
    let failures = [
        vec![one.clone(), two.clone()],
        vec![two.clone(), one.clone(), three.clone()],
        vec![one.clone(), one.clone(), three.clone()],
        vec![one.clone(), three.clone()],
        vec![one.clone(), two.clone(), three.clone(), three.clone()],
        vec![three],
    ];
    for wrong in failures {
        assert_eq!(reopened(&context, &wrong), Err(ChannelError::IntegrityFailure));
    }
    assert_eq!(reopened(&context, &chunks).unwrap(), b"onetwothree");
}

#[test]
fn nothing_opens_after_a_failure_and_nothing_is_sealed_after_the_last_chunk() {
    let context = context(None);
    let chunks = sealed(&context, &[b"one", b"two"]);
    let mut key = MessageKey::derive(&secret(), &SALT, &context).unwrap();
    let mut altered = chunks[0].clone();
    altered[0] ^= 1;
    assert_eq!(key.open_chunk(&mut altered, false), Err(ChannelError::IntegrityFailure));
    assert_eq!(key.open_chunk(&mut chunks[0].clone(), false), Err(ChannelError::Ended));

    let mut key = MessageKey::derive(&secret(), &SALT, &context).unwrap();
    key.seal_chunk(&mut b"last".to_vec(), true).unwrap();
    assert_eq!(key.seal_chunk(&mut b"more".to_vec(), true), Err(ChannelError::Ended));
}

#[test]
fn an_oversized_chunk_is_refused_before_any_work() {
    let mut key = MessageKey::derive(&secret(), &SALT, &context(None)).unwrap();
    assert_eq!(key.seal_chunk(&mut vec![0; CHUNK_PLAIN + 1], false), Err(ChannelError::TooLong));
    assert_eq!(key.open_chunk(&mut vec![0; CHUNK_PLAIN + TAG + 1], false), Err(ChannelError::TooLong));
}

#[test]
fn a_receipt_is_known_to_both_ends_of_one_body_alone() {
    let binding = binding();
    let receipt = |context| MessageKey::derive(&secret(), &SALT, &context).unwrap().receipt_tag();
    let right = context(Some(&binding));
    assert_eq!(receipt(right), receipt(right));
    assert_ne!(receipt(right), receipt(context(None)));
    assert_ne!(receipt(right), receipt(MessageContext { header: [4; 32], ..right }));
}

#[test]
fn frozen_form_of_suite_1() {
    let binding = binding();
    let context = context(Some(&binding));
    let mut lines: Vec<_> = sealed(&context, &[b"one", b"two"])
        .iter()
        .map(|chunk| data_encoding::HEXLOWER.encode(chunk))
        .collect();
    let receipt = MessageKey::derive(&secret(), &SALT, &context).unwrap().receipt_tag();
    lines.push(data_encoding::HEXLOWER.encode(&receipt));
    insta::assert_snapshot!(lines.join("\n"));
}

proptest! {
    #[test]
    fn any_changed_byte_makes_a_chunk_not_open(
        plain in prop::collection::vec(any::<u8>(), 0..300),
        at: prop::sample::Index,
        change in 1u8..,
    ) {
        let context = context(None);
        let mut chunks = sealed(&context, &[&plain]);
        let at = at.index(chunks[0].len());
        chunks[0][at] ^= change;
        prop_assert_eq!(reopened(&context, &chunks), Err(ChannelError::IntegrityFailure));
    }
}
