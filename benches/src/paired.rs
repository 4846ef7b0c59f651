//! Two ways of doing one thing, timed in turns.
//!
//! A round of one side is many short batches, and its figure is the median batch: one that the machine interrupted
//! does not move it. Batches of the two sides alternate, and so does which of the two begins: what slows the machine
//! for longer slows both, and the ratio of each round stays meaningful. What has to be ready before an operation, such
//! as a key that serves once or a buffer to be opened in place, is made outside the time that counts.

use std::hint::black_box;
use std::time::{Duration, Instant};

use crate::Failure;
use crate::stats::Spread;

/// What a batch takes at least, so that reading the clock costs nothing beside it; far less than a time slice.
const BATCH: Duration = Duration::from_micros(50);
/// Batches kept of one round, for its median.
const BATCHES_MAX: usize = 4096;

/// How long to measure.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Rounds of each side.
    pub rounds: usize,
    /// What one side's round takes, about.
    pub round: Duration,
}

/// What was measured, nanoseconds for one operation.
#[derive(Clone, Copy, Debug)]
pub struct Pair {
    /// The measured side.
    pub ours: Spread,
    /// The baseline.
    pub bare: Spread,
    /// What the measured side takes more, round by round.
    pub added: Spread,
    /// Baseline over measured, round by round: 1 is as fast as the baseline.
    pub ratio: Spread,
}

/// One side whose every operation takes something that was made ready for it.
pub trait Prepared {
    /// What was made ready.
    type Ready;
    /// What an operation gives; dropped within the time that counts.
    type Done;

    /// Makes ready the operation at this place of a batch; not timed.
    fn prepare(&mut self, place: usize) -> Result<Self::Ready, Failure>;
    /// The operation.
    fn work(&mut self, place: usize, ready: Self::Ready) -> Result<Self::Done, Failure>;
}

/// A side that needs nothing made ready.
struct Plain<W>(W);

impl<T, W: FnMut() -> Result<T, Failure>> Prepared for Plain<W> {
    type Ready = ();
    type Done = T;

    fn prepare(&mut self, _place: usize) -> Result<(), Failure> {
        Ok(())
    }

    fn work(&mut self, _place: usize, (): ()) -> Result<T, Failure> {
        (self.0)()
    }
}

/// Measures `ours` against `bare`. What they return is dropped within the time that counts.
pub fn measure<A, B>(
    plan: Plan,
    ours: impl FnMut() -> Result<A, Failure>,
    bare: impl FnMut() -> Result<B, Failure>,
) -> Result<Pair, Failure> {
    let (mut ours, mut bare) = (Plain(ours), Plain(bare));
    let (ours_batch, bare_batch) = (calibrate(plan, &mut ours)?, calibrate(plan, &mut bare)?);
    alternate(plan, (&mut ours, ours_batch), (&mut bare, bare_batch))
}

/// Measures `ours` against `bare` in batches of this many operations, each batch made ready before its time counts.
pub fn measure_prepared(
    plan: Plan,
    batch: usize,
    mut ours: impl Prepared,
    mut bare: impl Prepared,
) -> Result<Pair, Failure> {
    alternate(plan, (&mut ours, batch), (&mut bare, batch))
}

fn alternate<P: Prepared, Q: Prepared>(
    plan: Plan,
    (ours, ours_batch): (&mut P, usize),
    (bare, bare_batch): (&mut Q, usize),
) -> Result<Pair, Failure> {
    let mut rounds = Vec::with_capacity(plan.rounds);
    for number in 0..plan.rounds {
        let began = Instant::now();
        let (mut ours_times, mut bare_times) = (Vec::new(), Vec::new());
        while ours_times.len() < BATCHES_MAX {
            if (number + ours_times.len()) % 2 == 0 {
                ours_times.push(batch(ours, ours_batch)?);
                bare_times.push(batch(bare, bare_batch)?);
            } else {
                bare_times.push(batch(bare, bare_batch)?);
                ours_times.push(batch(ours, ours_batch)?);
            }
            if began.elapsed() >= plan.round * 2 {
                break;
            }
        }
        let median = |times: Vec<f64>| Spread::of(times).map(|spread| spread.median).ok_or("no batches");
        rounds.push((median(ours_times)?, median(bare_times)?));
    }
    let spread = |of: fn(&(f64, f64)) -> f64| Spread::of(rounds.iter().map(of)).ok_or("no rounds");
    Ok(Pair {
        ours: spread(|(ours, _)| *ours)?,
        bare: spread(|(_, bare)| *bare)?,
        added: spread(|(ours, bare)| ours - bare)?,
        ratio: spread(|(ours, bare)| bare / ours)?,
    })
}

/// How many operations make a batch; also warms the side up.
fn calibrate(plan: Plan, side: &mut impl Prepared) -> Result<usize, Failure> {
    let mut times = 1;
    loop {
        let taken = Duration::from_secs_f64(batch(side, times)? * times as f64 / 1e9);
        if taken >= BATCH.min(plan.round) || times >= 1 << 16 {
            return Ok(times);
        }
        times *= 2;
    }
}

/// Nanoseconds for one of `times` operations.
fn batch(side: &mut impl Prepared, times: usize) -> Result<f64, Failure> {
    let ready = (0..times).map(|place| side.prepare(place)).collect::<Result<Vec<_>, _>>()?;
    let began = Instant::now();
    for (place, ready) in ready.into_iter().enumerate() {
        black_box(side.work(place, ready)?);
    }
    Ok(began.elapsed().as_nanos() as f64 / times as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sides_take_turns_and_a_failure_ends_the_measuring() {
        let plan = Plan { rounds: 4, round: Duration::ZERO };
        let order = std::cell::RefCell::new(String::new());
        let log = |side: char| {
            order.borrow_mut().push(side);
            Ok(())
        };
        measure(plan, || log('o'), || log('b')).unwrap();
        assert_eq!(*order.borrow(), "obobboobbo", "one run of each to calibrate, then alternating rounds");
        assert!(measure(plan, || Ok(()), || Err::<(), _>("broken".into())).is_err());
    }

    /// Counts what is made ready and what is used up.
    struct Counted<'a>(&'a std::cell::Cell<(usize, usize)>);

    impl Prepared for Counted<'_> {
        type Ready = usize;
        type Done = ();

        fn prepare(&mut self, place: usize) -> Result<usize, Failure> {
            let (made, used) = self.0.get();
            self.0.set((made + 1, used));
            Ok(place)
        }

        fn work(&mut self, place: usize, ready: usize) -> Result<(), Failure> {
            assert_eq!(place, ready, "each operation has what was made ready for it");
            let (made, used) = self.0.get();
            self.0.set((made, used + 1));
            Ok(())
        }
    }

    #[test]
    fn every_operation_uses_up_what_was_made_ready_for_it() {
        let plan = Plan { rounds: 2, round: Duration::ZERO };
        let (ours, bare) = (std::cell::Cell::new((0, 0)), std::cell::Cell::new((0, 0)));
        measure_prepared(plan, 4, Counted(&ours), Counted(&bare)).unwrap();
        assert_eq!(ours.get(), bare.get());
        assert_eq!(ours.get(), (8, 8), "two rounds of one batch");
    }
}
