//! Streams: whole and in order, or not at all.

use proptest::prelude::*;

use super::*;
use crate::key::{DayKey, Key32};
use crate::seal::{KeyError, PersonSlot, Purpose};

const PERSON: PersonSlot = PersonSlot { page: 3, slot: 7 };
const IDS: KeyIds = KeyIds { purpose: Purpose::Notices, day: 20_000, person: Some(PERSON) };
const PLACE: Place<'_> = Place { body: b"982016", space: 5, row: b"row key" };
const FULL: usize = CHUNK_PLAIN + TAG;

struct Fixed(DayKey, Key32);

fn keys() -> Fixed {
    Fixed(DayKey::from_bytes([1; 32]), Key32::from_bytes([2; 32]))
}

impl KeySource for Fixed {
    fn day_key(&self, _purpose: Purpose, _day: u32) -> Result<(u32, &DayKey), KeyError> {
        Ok((9, &self.0))
    }

    fn day_key_by_id(&self, _purpose: Purpose, _day: u32, id: u32) -> Result<&DayKey, KeyError> {
        if id == 9 { Ok(&self.0) } else { Err(KeyError::Destroyed) }
    }

    fn person_key(&self, _slot: PersonSlot) -> Result<(u32, &Key32), KeyError> {
        Ok((1, &self.1))
    }
}

/// Header and sealed chunks.
type Sealed = ([u8; HEADER], Vec<Vec<u8>>);

fn sealed_by(mut sealer: StreamSealer, plain: &[u8]) -> Sealed {
    let header = sealer.header();
    let mut chunks: Vec<_> = plain.chunks(CHUNK_PLAIN).map(|part| [part, &[0; TAG]].concat()).collect();
    let mut last = chunks.pop().unwrap_or_else(|| vec![0; TAG]);
    for chunk in &mut chunks {
        sealer.seal_chunk(chunk).unwrap();
    }
    sealer.seal_last(&mut last).unwrap();
    chunks.push(last);
    (header, chunks)
}

fn sealed(plain: &[u8]) -> Sealed {
    sealed_by(StreamSealer::new(&keys(), IDS, PLACE).unwrap(), plain)
}

/// Opens the chunks in the order given, the last one as the last.
fn opened(place: Place<'_>, header: &[u8; HEADER], chunks: &[Vec<u8>]) -> Result<Vec<u8>, SealError> {
    let mut opener = StreamOpener::new(&keys(), place, header)?;
    let mut plain = Vec::new();
    let (last, before) = chunks.split_last().unwrap();
    for chunk in before {
        plain.extend_from_slice(opener.open_chunk(&mut chunk.clone())?.get());
    }
    let mut last = last.clone();
    let (end, whole) = opener.open_last(&mut last)?;
    plain.extend_from_slice(end.get());
    assert_eq!(whole.length(), plain.len() as u64);
    Ok(plain)
}

fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at / 7) as u8).collect()
}

#[test]
fn a_stream_of_any_length_opens_and_is_as_long_as_foretold() {
    for length in [0, 1, CHUNK_PLAIN - 1, CHUNK_PLAIN, CHUNK_PLAIN + 1, 2 * CHUNK_PLAIN, 1_200_000] {
        let plain = pattern(length);
        let (header, chunks) = sealed(&plain);
        let total = HEADER + chunks.iter().map(Vec::len).sum::<usize>();
        assert_eq!(stream_length(length as u64), Some(total as u64));
        assert_eq!(opened(PLACE, &header, &chunks).unwrap(), plain);
    }
    let most = STREAM_CHUNKS_MAX * CHUNK_PLAIN as u64;
    assert!(stream_length(most).is_some());
    assert_eq!(stream_length(most + 1), None);
}

#[test]
fn a_stream_cut_swapped_repeated_prolonged_or_spliced_does_not_open() {
    let (header, chunks) = sealed(&pattern(3 * CHUNK_PLAIN + 5));
    let (other_header, other) = sealed(&pattern(3 * CHUNK_PLAIN + 5));
    let ours = |order: &[usize]| order.iter().map(|at| chunks[*at].clone()).collect::<Vec<_>>();
    let mut wrong: Vec<_> = [
        &[0, 1, 2][..],
        &[0, 1],
        &[0],
        &[1, 2, 3],
        &[3],
        &[1, 0, 2, 3],
        &[0, 2, 1, 3],
        &[0, 0, 1, 2, 3],
        &[0, 1, 1, 2, 3],
        &[0, 1, 2, 2, 3],
        &[0, 2, 3],
        &[0, 1, 3],
        &[0, 1, 2, 3, 3],
    ]
    .map(ours)
    .into();
    for at in 0..chunks.len() {
        let mut spliced = chunks.clone();
        spliced[at] = other[at].clone();
        wrong.push(spliced);
    }
    for chunks in &wrong {
        assert_eq!(opened(PLACE, &header, chunks), Err(SealError::IntegrityFailure));
    }
    assert_eq!(opened(PLACE, &other_header, &chunks), Err(SealError::IntegrityFailure));
    assert!(opened(PLACE, &header, &chunks).is_ok());
}

#[test]
fn the_last_chunk_opens_as_the_last_alone_and_no_other_does() {
    let (header, mut chunks) = sealed(&pattern(2 * CHUNK_PLAIN));
    let mut opener = StreamOpener::new(&keys(), PLACE, &header).unwrap();
    assert!(opener.open_chunk(&mut chunks[0].clone()).is_ok());
    assert_eq!(opener.open_chunk(&mut chunks[1].clone()).unwrap_err(), SealError::IntegrityFailure);
    let failed = opener.open_last(&mut chunks[1]).unwrap_err();
    assert_eq!(failed, SealError::IntegrityFailure, "nothing opens after a failure");
    let opener = StreamOpener::new(&keys(), PLACE, &header).unwrap();
    assert_eq!(opener.open_last(&mut chunks[0]).unwrap_err(), SealError::IntegrityFailure);
}

#[test]
fn one_plaintext_has_one_form() {
    let sealer = || StreamSealer::new(&keys(), IDS, PLACE).unwrap();
    for length in [0, TAG - 1, TAG, FULL - 1, FULL + 1] {
        assert_eq!(sealer().seal_chunk(&mut vec![0; length]), Err(SealError::WrongRoom));
    }
    for length in [0, TAG - 1, FULL + 1] {
        assert_eq!(sealer().seal_last(&mut vec![0; length]), Err(SealError::WrongRoom));
    }
    let mut after = sealer();
    after.seal_chunk(&mut vec![0; FULL]).unwrap();
    assert_eq!(after.seal_last(&mut [0; TAG]), Err(SealError::WrongRoom), "an empty end behind others");

    let (header, chunks) = sealed(&pattern(2 * CHUNK_PLAIN));
    let mut opener = StreamOpener::new(&keys(), PLACE, &header).unwrap();
    let short = &mut chunks[0].clone()[..FULL - 1];
    assert_eq!(opener.open_chunk(short).unwrap_err(), SealError::IntegrityFailure);
}

#[test]
fn a_stream_is_refused_past_its_chunks() {
    let mut sealer = StreamSealer::new(&keys(), IDS, PLACE).unwrap();
    let mut chunk = vec![0; FULL];
    sealer.0.chunks.pass_over(STREAM_CHUNKS_MAX - 1);
    assert_eq!(sealer.seal_chunk(&mut chunk), Ok(()));
    assert_eq!(sealer.seal_chunk(&mut chunk), Err(SealError::TooLong));
    assert_eq!(sealer.seal_last(&mut chunk), Err(SealError::TooLong));
}

#[test]
fn a_stream_is_no_value_and_a_value_no_stream() {
    let (header, chunks) = sealed(b"stream");
    let joined = [&header[..], &chunks[0]].concat();
    assert_eq!(crate::seal::open(&keys(), PLACE, &joined), Err(SealError::IntegrityFailure));
    let mut disguised = joined.clone();
    disguised[1] = crate::seal::SUITE;
    assert_eq!(crate::seal::open(&keys(), PLACE, &disguised), Err(SealError::IntegrityFailure));

    let value = crate::seal::seal(&keys(), IDS, PLACE, b"value").unwrap();
    let (front, rest) = value.split_first_chunk::<HEADER>().unwrap();
    assert_eq!(StreamOpener::new(&keys(), PLACE, front).unwrap_err(), SealError::IntegrityFailure);
    let mut disguised = *front;
    disguised[1] = STREAM_SUITE;
    assert_eq!(opened(PLACE, &disguised, &[rest.to_vec()]), Err(SealError::IntegrityFailure));
    let mut unknown = *front;
    unknown[1] = 3;
    assert_eq!(StreamOpener::new(&keys(), PLACE, &unknown).unwrap_err(), SealError::UnknownSuite);
}

#[test]
fn nothing_of_a_stream_prints_itself() {
    let (header, chunks) = sealed(&pattern(CHUNK_PLAIN + 1));
    let mut opener = StreamOpener::new(&keys(), PLACE, &header).unwrap();
    let mut first = chunks[0].clone();
    let printed = format!("{:?} {opener:?}", StreamSealer::new(&keys(), IDS, PLACE).unwrap());
    assert_eq!(printed, "StreamSealer(redacted) StreamOpener(redacted)");
    assert_eq!(format!("{:?}", opener.open_chunk(&mut first).unwrap()), "Provisional(redacted)");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn r1_any_changed_byte_of_a_stream_makes_it_not_open(at: prop::sample::Index, change in 1u8..) {
        let (mut header, mut chunks) = sealed(&pattern(CHUNK_PLAIN + 100));
        let at = at.index(HEADER + FULL + 100 + TAG);
        match (at.checked_sub(HEADER), at.checked_sub(HEADER + FULL)) {
            (None, _) => header[at] ^= change,
            (Some(at), None) => chunks[0][at] ^= change,
            (_, Some(at)) => chunks[1][at] ^= change,
        }
        prop_assert!(opened(PLACE, &header, &chunks).is_err());
    }

    #[test]
    fn r1_a_stream_opens_at_no_other_place(
        body in prop::collection::vec(any::<u8>(), 0..=crate::seal::BODY_MAX),
        space: u8,
        row in prop::collection::vec(any::<u8>(), 0..=crate::seal::ROW_MAX),
    ) {
        let (header, chunks) = sealed(b"stream");
        let place = Place { body: &body, space, row: &row };
        prop_assert_eq!(opened(place, &header, &chunks), Err(SealError::IntegrityFailure));
    }

    #[test]
    fn a_stream_cut_anywhere_does_not_open(keep in 0..CHUNK_PLAIN + 100) {
        let (header, chunks) = sealed(&pattern(CHUNK_PLAIN + 100));
        let joined = chunks.concat();
        let cut: Vec<_> = joined[..keep].chunks(FULL).map(<[u8]>::to_vec).collect();
        let cut = if cut.is_empty() { vec![Vec::new()] } else { cut };
        prop_assert_eq!(opened(PLACE, &header, &cut), Err(SealError::IntegrityFailure));
    }
}
