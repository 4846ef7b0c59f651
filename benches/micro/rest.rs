//! Values at rest with all that belongs to them: random salt, derivation of the value's key, header and place bound in.

use std::hint::black_box;

use chukei_benches::Failure;
use chukei_benches::paired::{Plan, measure};
use chukei_benches::table::Table;
use chukei_crypto::keyring::{Keyring, Page, PersonKeys};
use chukei_crypto::seal::{
    CHUNK_PLAIN, HEADER, KeyIds, PersonSlot, Place, Purpose, StreamSealer, TAG, open, seal,
};

use crate::bare::Bare;
use crate::pairs;

pub(crate) const KIB: usize = 1024;
const SIZES: [(usize, &str, &str); 4] = [
    (KIB, "seal 1 KiB", "open 1 KiB"),
    (4 * KIB, "seal 4 KiB", "open 4 KiB"),
    (16 * KIB, "seal 16 KiB", "open 16 KiB"),
    (64 * KIB, "seal 64 KiB", "open 64 KiB"),
];
/// Chunks of the stream: 1 MiB.
const CHUNKS: usize = 16;
/// Where a document stands: one byte of space and two names.
pub(crate) const PLACE: Place<'static> = Place { body: b"982016", space: 5, row: &[5; 65] };
/// What binds a value to its place: the header and the place's parts with their lengths.
pub(crate) const ASSOCIATED: usize = HEADER + 3 + PLACE.body.len() + PLACE.row.len();
/// The ids of one person's copies without an end.
pub(crate) const IDS: KeyIds =
    KeyIds { purpose: Purpose::Copies, day: 0, person: Some(PersonSlot { page: 0, slot: 7 }) };

/// A body's keyring with one page of persons.
pub(crate) struct Keys(Keyring, Page);

impl Keys {
    pub(crate) fn new() -> Result<Self, Failure> {
        let mut keyring = Keyring::create(PLACE.body)?;
        keyring.ensure_page(0)?;
        Ok(Self(keyring, Page::create(0)?))
    }

    pub(crate) fn source(&self) -> PersonKeys<'_> {
        self.1.keys(&self.0)
    }
}

pub(crate) fn table(plan: Plan, keys: &Keys) -> Result<Table, Failure> {
    let keys = keys.source();
    let mut rows = Vec::new();
    for (size, seals, opens) in SIZES {
        let plain = vec![3; size];
        let mut bare = Bare::new(ASSOCIATED)?;
        let sealing = measure(
            plan,
            || Ok(seal(&keys, IDS, PLACE, black_box(&plain))?),
            || bare.seal(black_box(&plain)),
        )?;
        let (sealed, bare_sealed) = (seal(&keys, IDS, PLACE, &plain)?, bare.seal(&plain)?);
        let opening = measure(
            plan,
            || Ok(open(&keys, PLACE, black_box(&sealed))?),
            || bare.open(black_box(&bare_sealed)),
        )?;
        rows.push((seals, sealing));
        rows.push((opens, opening));
    }
    let mut chunks = vec![vec![3; CHUNK_PLAIN + TAG]; CHUNKS];
    let mut whole = vec![3; CHUNKS * CHUNK_PLAIN + TAG];
    let mut bare = Bare::new(ASSOCIATED)?;
    let stream = measure(plan, || stream(&keys, &mut chunks), || bare.seal_within(&mut whole))?;
    rows.push(("seal a stream of 1 MiB in place; bare: one piece of 1 MiB in place", stream));
    Ok(pairs("A key derived for each value, one copy, against bare ring with one copy", rows))
}

fn stream(keys: &PersonKeys<'_>, chunks: &mut [Vec<u8>]) -> Result<(), Failure> {
    let mut sealer = StreamSealer::new(keys, IDS, PLACE)?;
    let (last, before) = chunks.split_last_mut().ok_or("no chunks")?;
    for chunk in before {
        sealer.seal_chunk(chunk)?;
    }
    Ok(sealer.seal_last(last)?)
}
