//! Sealing and opening at rest: random salt, derivation of the value's key, header and place bound in, one copy.

use std::hint::black_box;

use chukei_benches::Failure;
use chukei_benches::paired::{Plan, measure};
use chukei_benches::table::Table;
use chukei_crypto::keyring::{Keyring, Page};
use chukei_crypto::seal::{KeyIds, OVERHEAD, PersonSlot, Place, Purpose, open, seal};

use crate::bare::Bare;
use crate::pairs;

const KIB: usize = 1024;
const SIZES: [(usize, &str, &str); 4] = [
    (KIB, "seal 1 KiB", "open 1 KiB"),
    (4 * KIB, "seal 4 KiB", "open 4 KiB"),
    (16 * KIB, "seal 16 KiB", "open 16 KiB"),
    (64 * KIB, "seal 64 KiB", "open 64 KiB"),
];
/// Where a document stands: one byte of space and two names.
const PLACE: Place<'static> = Place { body: b"982016", space: 5, row: &[5; 65] };
/// The ids of one person's copies without an end.
const IDS: KeyIds =
    KeyIds { purpose: Purpose::Copies, day: 0, person: Some(PersonSlot { page: 0, slot: 7 }) };

pub(crate) fn table(plan: Plan) -> Result<Table, Failure> {
    let mut keyring = Keyring::create(PLACE.body)?;
    keyring.ensure_page(0)?;
    let page = Page::create(0)?;
    let keys = page.keys(&keyring);
    // What binds a value to its place: the header and the place's parts with their lengths.
    let associated = OVERHEAD - 16 + 3 + PLACE.body.len() + PLACE.row.len();
    let mut rows = Vec::new();
    for (size, seals, opens) in SIZES {
        let plain = vec![3; size];
        let mut bare = Bare::new(associated)?;
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
    Ok(pairs("At rest, against bare ring AES-256-GCM", rows))
}
