//! Two ways of doing one thing, timed in turns.
//!
//! Rounds alternate, and so does which of the two begins: what slows the machine for a while slows both, and the
//! ratio of each round stays meaningful. What has to be ready before an operation, such as a key that serves once or
//! a buffer to be opened in place, is made outside the time that counts, a few operations at once.

use std::hint::black_box;
use std::time::{Duration, Instant};

use crate::Failure;
use crate::stats::Spread;

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

/// Measures `ours` against `bare`. What they return is dropped within the time that counts.
pub fn measure<A, B>(
    plan: Plan,
    mut ours: impl FnMut() -> Result<A, Failure>,
    mut bare: impl FnMut() -> Result<B, Failure>,
) -> Result<Pair, Failure> {
    let (ours_times, bare_times) = (calibrate(plan.round, &mut ours)?, calibrate(plan.round, &mut bare)?);
    let mut rounds = Vec::with_capacity(plan.rounds);
    for number in 0..plan.rounds {
        let (first, second);
        if number % 2 == 0 {
            first = round(ours_times, &mut ours)?;
            second = round(bare_times, &mut bare)?;
        } else {
            second = round(bare_times, &mut bare)?;
            first = round(ours_times, &mut ours)?;
        }
        rounds.push((first, second));
    }
    Pair::of(&rounds)
}

impl Pair {
    /// From the two times of each round.
    fn of(rounds: &[(f64, f64)]) -> Result<Self, Failure> {
        let spread = |of: fn(&(f64, f64)) -> f64| Spread::of(rounds.iter().map(of)).ok_or("no rounds");
        Ok(Self {
            ours: spread(|(ours, _)| *ours)?,
            bare: spread(|(_, bare)| *bare)?,
            added: spread(|(ours, bare)| ours - bare)?,
            ratio: spread(|(ours, bare)| bare / ours)?,
        })
    }
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

/// Measures `ours` against `bare` in batches of this many operations, each batch made ready before its time counts.
pub fn measure_prepared(
    plan: Plan,
    batch: usize,
    mut ours: impl Prepared,
    mut bare: impl Prepared,
) -> Result<Pair, Failure> {
    let time = |taken: &mut Duration| std::mem::take(taken).as_nanos() as f64 / batch as f64;
    let (mut ours_taken, mut bare_taken) = (Duration::ZERO, Duration::ZERO);
    let batches = {
        let began = Instant::now();
        run_batch(&mut ours, batch, &mut ours_taken)?;
        run_batch(&mut bare, batch, &mut bare_taken)?;
        let (one, round) = (began.elapsed().as_secs_f64(), plan.round.as_secs_f64());
        ((2.0 * round / one).ceil() as usize).clamp(3, 1 << 20)
    };
    let mut rounds = Vec::with_capacity(plan.rounds);
    for number in 0..plan.rounds {
        (ours_taken, bare_taken) = (Duration::ZERO, Duration::ZERO);
        for turn in 0..batches {
            // Batches of the two sides alternate within a round too: both see the same memory and clock.
            if (number + turn) % 2 == 0 {
                run_batch(&mut ours, batch, &mut ours_taken)?;
                run_batch(&mut bare, batch, &mut bare_taken)?;
            } else {
                run_batch(&mut bare, batch, &mut bare_taken)?;
                run_batch(&mut ours, batch, &mut ours_taken)?;
            }
        }
        rounds.push((time(&mut ours_taken) / batches as f64, time(&mut bare_taken) / batches as f64));
    }
    Pair::of(&rounds)
}

fn run_batch<P: Prepared>(side: &mut P, batch: usize, taken: &mut Duration) -> Result<(), Failure> {
    let ready = (0..batch).map(|place| side.prepare(place)).collect::<Result<Vec<_>, _>>()?;
    let began = Instant::now();
    for (place, ready) in ready.into_iter().enumerate() {
        black_box(side.work(place, black_box(ready))?);
    }
    *taken += began.elapsed();
    Ok(())
}

/// How often `work` runs in about `time`; also warms it up.
fn calibrate<T>(time: Duration, work: &mut impl FnMut() -> Result<T, Failure>) -> Result<u32, Failure> {
    let mut times = 1;
    loop {
        let taken = Duration::from_secs_f64(round(times, work)? * f64::from(times) / 1e9);
        if taken >= time / 2 || times >= 1 << 24 {
            return Ok(times);
        }
        times *= 2;
    }
}

/// Nanoseconds for one of `times` runs.
fn round<T>(times: u32, work: &mut impl FnMut() -> Result<T, Failure>) -> Result<f64, Failure> {
    let began = Instant::now();
    for _ in 0..times {
        black_box(work()?);
    }
    Ok(began.elapsed().as_nanos() as f64 / f64::from(times))
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
        assert_eq!(ours.get(), (28, 28), "one batch to calibrate, then two rounds of three");
    }
}
