//! Two ways of doing one thing, timed in turns.
//!
//! Rounds alternate, and so does which of the two begins: what slows the machine for a while slows both, and the
//! ratio of each round stays meaningful.

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
    let spread = |of: fn(&(f64, f64)) -> f64| Spread::of(rounds.iter().map(of)).ok_or("no rounds");
    Ok(Pair {
        ours: spread(|(ours, _)| *ours)?,
        bare: spread(|(_, bare)| *bare)?,
        added: spread(|(ours, bare)| ours - bare)?,
        ratio: spread(|(ours, bare)| bare / ours)?,
    })
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
}
