//! Sealed bodies: chunk order, direction, header, person and salt are all part of the key or the nonce.

use proptest::prelude::*;

use super::*;

const SALT: [u8; 16] = [5; 16];

fn secret() -> DirectionSecret {
    DirectionSecret::from_bytes([1; 32])
}

fn binding() -> BindingSecret {
    BindingSecret::from_bytes(1, [2; 32]).unwrap()
}

fn context(bound: Option<&BindingSecret>) -> MessageContext<'_> {
    MessageContext { header: [3; 32], reply: true, bound }
}

fn sealer(context: &MessageContext<'_>) -> MessageSealer {
    MessageSealer::salted(&secret(), SALT, context).unwrap()
}

fn opener(context: &MessageContext<'_>) -> MessageOpener {
    MessageOpener::new(&secret(), &SALT, context).unwrap()
}

fn sealed_by(key: &mut MessageSealer, plain: &[u8], last: bool) -> Vec<u8> {
    let mut chunk = [plain, &[0; TAG]].concat();
    key.seal_chunk(&mut chunk, last).unwrap();
    chunk
}

fn sealed(context: &MessageContext<'_>, chunks: &[&[u8]]) -> Vec<Vec<u8>> {
    let mut key = sealer(context);
    let last = chunks.len() - 1;
    chunks.iter().enumerate().map(|(i, chunk)| sealed_by(&mut key, chunk, i == last)).collect()
}

/// Opens chunks in the order given, the last one as the last.
fn opened(key: &mut MessageOpener, chunks: &[Vec<u8>]) -> Result<Vec<u8>, ChannelError> {
    let mut plain = Vec::new();
    for (i, chunk) in chunks.iter().enumerate() {
        let mut buf = chunk.clone();
        plain.extend_from_slice(key.open_chunk(&mut buf, i + 1 == chunks.len())?);
    }
    Ok(plain)
}

fn reopened(context: &MessageContext<'_>, chunks: &[Vec<u8>]) -> Result<Vec<u8>, ChannelError> {
    opened(&mut opener(context), chunks)
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
    let (ours, theirs) = (binding(), BindingSecret::from_bytes(1, [9; 32]).unwrap());
    let renumbered = BindingSecret::from_bytes(2, *ours.as_bytes()).unwrap();
    let right = context(Some(&ours));
    let chunks = sealed(&right, &[b"answer"]);
    let wrong = [
        MessageContext { header: [4; 32], ..right },
        MessageContext { reply: false, ..right },
        MessageContext { bound: None, ..right },
        MessageContext { bound: Some(&theirs), ..right },
        MessageContext { bound: Some(&renumbered), ..right },
    ];
    for context in wrong {
        assert_eq!(reopened(&context, &chunks), Err(ChannelError::IntegrityFailure));
    }
    let mut other_salt = MessageOpener::new(&secret(), &[6; 16], &right).unwrap();
    assert_eq!(opened(&mut other_salt, &chunks), Err(ChannelError::IntegrityFailure));
    let direction = DirectionSecret::from_bytes([8; 32]);
    let mut other_direction = MessageOpener::new(&direction, &SALT, &right).unwrap();
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
    let mut key = opener(&context);
    let mut altered = chunks[0].clone();
    altered[0] ^= 1;
    assert_eq!(key.open_chunk(&mut altered, false), Err(ChannelError::IntegrityFailure));
    assert_eq!(key.open_chunk(&mut chunks[0].clone(), false), Err(ChannelError::Ended));

    let mut key = sealer(&context);
    sealed_by(&mut key, b"last", true);
    assert_eq!(key.seal_chunk(&mut [0; TAG], true), Err(ChannelError::Ended));
}

#[test]
fn an_oversized_chunk_and_one_without_room_for_its_tag_are_refused_before_any_work() {
    for length in [CHUNK_PLAIN + TAG + 1, TAG - 1, 0] {
        let mut chunk = vec![0; length];
        assert_eq!(sealer(&context(None)).seal_chunk(&mut chunk, false), Err(ChannelError::Length));
        assert_eq!(opener(&context(None)).open_chunk(&mut chunk, false), Err(ChannelError::Length));
    }
}

#[test]
fn a_sealer_draws_a_salt_of_its_own() {
    let fresh = || MessageSealer::fresh(&secret(), &context(None)).unwrap();
    let (mut one, mut two) = (fresh(), fresh());
    assert_ne!(one.salt(), two.salt());
    assert_ne!(sealed_by(&mut one, b"same", true), sealed_by(&mut two, b"same", true));
}

#[test]
fn a_receipt_is_known_to_both_ends_of_one_body_alone() {
    let binding = binding();
    let right = context(Some(&binding));
    let receipt = |context| sealer(&context).receipt_tag();
    assert_eq!(receipt(right), opener(&right).receipt_tag());
    let (mine, other) = (receipt(right).unwrap(), receipt(context(None)).unwrap());
    assert!(proves_receipt(&mine, &mine));
    assert!(
        !proves_receipt(&mine, &other) && !proves_receipt(&mine, &mine[..15]) && !proves_receipt(&mine, b"")
    );
    assert_ne!(receipt(right), receipt(context(None)));
    assert_ne!(receipt(right), receipt(MessageContext { header: [4; 32], ..right }));
    let other_salt = MessageOpener::new(&secret(), &[6; 16], &right).unwrap();
    assert_ne!(receipt(right), other_salt.receipt_tag());
}

#[test]
fn secrets_do_not_print_themselves() {
    let printed = format!("{:?} {:?} {:?}", secret(), sealer(&context(None)), opener(&context(None)));
    assert_eq!(printed, "DirectionSecret(redacted) MessageSealer(redacted) MessageOpener(redacted)");
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
