//! Sealing and opening in place with the key at hand, against bare ring on the same buffer.
//!
//! A key serves one value, so that each is made before the time that counts; what that costs is a line of its own.
//! Opening destroys what it opens: both sides open copies made beforehand in the same buffers.

use std::cell::RefCell;

use chukei_benches::Failure;
use chukei_benches::paired::{Pair, Plan, Prepared, measure, measure_prepared};
use chukei_benches::table::Table;
use chukei_crypto::seal::{HEADER, OVERHEAD, Opener, Sealer, TAG, seal};

use crate::bare::Bare;
use crate::pairs;
use crate::rest::{ASSOCIATED, IDS, KIB, Keys, PLACE};

const SIZES: [(usize, &str, &str); 5] = [
    (KIB, "seal 1 KiB", "open 1 KiB"),
    (4 * KIB, "seal 4 KiB", "open 4 KiB"),
    (16 * KIB, "seal 16 KiB", "open 16 KiB"),
    (64 * KIB, "seal 64 KiB", "open 64 KiB"),
    (1024 * KIB, "seal 1 MiB", "open 1 MiB"),
];
/// Bytes of all buffers of a batch: few enough to stay in a core's own cache.
const BATCH_BYTES: usize = 64 * KIB;
const BATCH_MAX: usize = 16;

/// Buffers that both sides work in.
type Buffers = RefCell<Vec<Vec<u8>>>;

pub(crate) fn table(plan: Plan, keys: &Keys) -> Result<Table, Failure> {
    let mut rows = Vec::new();
    for (size, seals, opens) in SIZES {
        let batch = (BATCH_BYTES / size).clamp(1, BATCH_MAX);
        let sealed = seal(&keys.source(), IDS, PLACE, &vec![3; size])?;
        let mut bare = Bare::new(ASSOCIATED)?;
        let bare_sealed = bare.seal(&vec![3; size])?;
        let buffers: Buffers = RefCell::new(vec![vec![3; size + OVERHEAD]; batch]);
        rows.push((seals, sealing(plan, batch, keys, &mut bare, &buffers)?));
        let bare = Bare::new(ASSOCIATED)?;
        rows.push((opens, opening(plan, batch, (keys, &sealed), (&bare, &bare_sealed), &buffers)?));
    }
    let bare = Bare::new(ASSOCIATED)?;
    let schedule = || bare.scheduled();
    let sealed = seal(&keys.source(), IDS, PLACE, b"")?;
    let sealer = measure(plan, || Ok(Sealer::new(&keys.source(), IDS, PLACE)?), schedule)?;
    let opener = measure(plan, || Ok(Opener::new(&keys.source(), PLACE, &sealed)?), schedule)?;
    rows.push(("the key itself: salt, derivation, schedule, place; bare: schedule", sealer));
    rows.push(("the key again, to open: derivation, schedule, place; bare: schedule", opener));
    Ok(pairs("In place with the key at hand, against bare ring on the same buffer", rows))
}

fn sealing(
    plan: Plan,
    batch: usize,
    keys: &Keys,
    bare: &mut Bare,
    buffers: &Buffers,
) -> Result<Pair, Failure> {
    struct Ours<'a>(&'a Keys, &'a Buffers);
    impl Prepared for Ours<'_> {
        type Ready = Sealer;
        type Done = ();

        fn prepare(&mut self, _: usize) -> Result<Sealer, Failure> {
            Ok(Sealer::new(&self.0.source(), IDS, PLACE)?)
        }

        fn work(&mut self, place: usize, key: Sealer) -> Result<(), Failure> {
            let mut buffers = self.1.borrow_mut();
            Ok(key.seal_within(buffers.get_mut(place).ok_or("no buffer")?)?)
        }
    }
    struct Theirs<'a>(&'a mut Bare, &'a Buffers);
    impl Prepared for Theirs<'_> {
        type Ready = ();
        type Done = ();

        fn prepare(&mut self, _: usize) -> Result<(), Failure> {
            Ok(())
        }

        fn work(&mut self, place: usize, (): ()) -> Result<(), Failure> {
            let mut buffers = self.1.borrow_mut();
            let room = buffers.get_mut(place).and_then(|buffer| buffer.get_mut(HEADER..));
            self.0.seal_within(room.ok_or("no buffer")?)
        }
    }
    measure_prepared(plan, batch, Ours(keys, buffers), Theirs(bare, buffers))
}

fn opening(
    plan: Plan,
    batch: usize,
    ours: (&Keys, &[u8]),
    bare: (&Bare, &[u8]),
    buffers: &Buffers,
) -> Result<Pair, Failure> {
    struct Ours<'a>(&'a Keys, &'a [u8], &'a Buffers);
    impl Prepared for Ours<'_> {
        type Ready = Opener;
        type Done = usize;

        fn prepare(&mut self, place: usize) -> Result<Opener, Failure> {
            let mut buffers = self.2.borrow_mut();
            buffers.get_mut(place).ok_or("no buffer")?.copy_from_slice(self.1);
            Ok(Opener::new(&self.0.source(), PLACE, self.1)?)
        }

        fn work(&mut self, place: usize, key: Opener) -> Result<usize, Failure> {
            let mut buffers = self.2.borrow_mut();
            Ok(key.open_within(buffers.get_mut(place).ok_or("no buffer")?)?.get().len())
        }
    }
    struct Theirs<'a>(&'a Bare, &'a [u8], &'a Buffers);
    impl Prepared for Theirs<'_> {
        type Ready = ();
        type Done = usize;

        fn prepare(&mut self, place: usize) -> Result<(), Failure> {
            let mut buffers = self.2.borrow_mut();
            let buffer = buffers.get_mut(place).and_then(|buffer| buffer.get_mut(HEADER..));
            buffer.ok_or("no buffer")?.copy_from_slice(self.1);
            Ok(())
        }

        fn work(&mut self, place: usize, (): ()) -> Result<usize, Failure> {
            let mut buffers = self.2.borrow_mut();
            let sealed = buffers.get_mut(place).and_then(|buffer| buffer.get_mut(HEADER..));
            self.0.open_first(sealed.ok_or("no buffer")?)
        }
    }
    debug_assert_eq!(ours.1.len(), HEADER + bare.1.len());
    debug_assert_eq!(OVERHEAD, HEADER + TAG);
    measure_prepared(plan, batch, Ours(ours.0, ours.1, buffers), Theirs(bare.0, bare.1, buffers))
}
