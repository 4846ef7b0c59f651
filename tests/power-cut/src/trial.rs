//! A trial: one recorded life, cut at many moments; some of what is left lives on, recorded, and is cut again.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::{Path, PathBuf};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::cut::Cut;
use crate::disk::Disk;
use crate::error::TrialError;
use crate::image::Image;
use crate::missing::{Missing, without};
use crate::record::{Fault, Recorder, Recording, Turns};
use crate::step::{CallNumber, FileChange, Step};

/// With a number: the same cuts again, as far as the recorded threads take the same turns.
const SEED: &str = "CHUKEI_POWER_CUT_SEED";

/// How much of a trial is done.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Cuts of the first life.
    pub cuts: usize,
    /// How many of the folders left by them live on: their opening heals them, and is cut as well.
    pub lives: usize,
    /// Cuts of each such life.
    pub cuts_of_each: usize,
    /// Syncs that the first life is cut without: each time the check must notice within [`NOTICED_WITHIN`] cuts, or
    /// twice as many as that life has if these are less, or it proves nothing ([`TrialError::Unnoticed`]).
    pub missing: &'static [Missing],
    /// Calls that fail in further first lives, in which [`crate::faulty`] holds.
    pub faults: &'static [Fault],
    /// Such lives for each of them, each cut [`Plan::cuts_of_each`] times on each of two disks.
    pub faulty_lives: usize,
}

/// Cuts after which a missing sync must have been noticed.
pub const NOTICED_WITHIN: usize = 400;

/// What a cut left, as the test finds it.
#[derive(Clone, Copy, Debug)]
pub struct Found<'a> {
    /// The folder.
    pub folder: &'a Path,
    /// Bytes of files that have no name any more, for who reads the disk itself.
    pub freed: &'a [Vec<u8>],
    /// All that the child had said before the cut, first to last.
    pub said: &'a [String],
}

/// Where folders are put together: in memory where there is such a place, because the model alone decides what is
/// durable.
pub(crate) fn memory() -> PathBuf {
    let memory = PathBuf::from("/dev/shm");
    if tempfile::tempdir_in(&memory).is_ok() { memory } else { std::env::temp_dir() }
}

/// Records the test `name` (its path in its executable), in whose child [`crate::child`] gives the folder, and calls
/// `check` with what each cut may leave.
///
/// `check` panics where that is not what it must be. A panic goes on after the cut was described.
pub fn run(name: &str, plan: Plan, check: impl Fn(Found<'_>)) -> Result<(), TrialError> {
    run_on(&Image::default(), name, plan, check)
}

/// As [`run`], but first lives begin in a copy of the folder `before`, whose files are taken for durable.
pub fn run_from(before: &Path, name: &str, plan: Plan, check: impl Fn(Found<'_>)) -> Result<(), TrialError> {
    run_on(&Image::read(before)?, name, plan, check)
}

fn run_on(before: &Image, name: &str, plan: Plan, check: impl Fn(Found<'_>)) -> Result<(), TrialError> {
    let Some(recorder) = Recorder::find() else { return Ok(()) };
    let seed =
        std::env::var(SEED).ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(|| rand::rng().random());
    let mut random = StdRng::seed_from_u64(seed);
    let record = |before: &Image, failing| {
        recorder.record(name, before, failing).map_err(|error| error.of(name, seed))
    };
    let first = record(before, None)?;
    eprintln!("{name}: {} steps, {SEED}={seed}", first.steps.len());
    let trial = Trial { name, seed, check };

    let mut left: Vec<Left> = Vec::new();
    let living: Vec<usize> = (0..plan.lives).map(|_| random.random_range(0..plan.cuts.max(1))).collect();
    trial.cut(&first, plan.cuts, &[], &mut random, |which, cut| {
        if living.contains(&which) {
            left.push(cut);
        }
    })?;
    for Left { image, said, .. } in left {
        let next = record(&image, None)?;
        trial.cut(&next, plan.cuts_of_each, &said, &mut random, |_, _| {})?;
    }
    for (fault, _) in
        plan.faults.iter().flat_map(|fault| (0..plan.faulty_lives).map(move |life| (fault, life)))
    {
        let (first, step) = (random.random_range(1..20), random.random_range(3..15));
        let turns = Turns { fault: *fault, first, last: first + 100, step };
        eprintln!("{turns:?}");
        let life = record(before, Some(turns))?;
        for forgetful in [false, true] {
            trial.cut(
                &Recording { forgetful, ..life.clone() },
                plan.cuts_of_each,
                &[],
                &mut random,
                |_, _| {},
            )?;
        }
    }
    let within = NOTICED_WITHIN.min(2 * plan.cuts);
    plan.missing.iter().try_for_each(|missing| trial.must_notice(&first, *missing, within, &mut random))
}

/// What a cut left.
struct Left {
    image: Image,
    freed: Vec<Vec<u8>>,
    said: Vec<String>,
}

struct Trial<'a, C> {
    name: &'a str,
    seed: u64,
    check: C,
}

impl<C: Fn(Found<'_>)> Trial<'_, C> {
    /// Cuts a recorded life, of which `before` was said earlier, checks what is left and shows it to `see`.
    fn cut(
        &self,
        recording: &Recording,
        count: usize,
        before: &[String],
        random: &mut StdRng,
        mut see: impl FnMut(usize, Left),
    ) -> Result<(), TrialError> {
        let mut run = Run::new(recording, &recording.steps, before);
        for (which, moment) in moments(&recording.steps, count, random).into_iter().enumerate() {
            run.go_on_to(moment);
            let (found, cut) = run.cut(random);
            if let Err(panic) = self.check(&found)? {
                self.describe(recording, &found, &format!("cut after {moment} steps: {cut:?}"))?;
                resume_unwind(panic);
            }
            see(which, found);
        }
        Ok(())
    }

    /// Says what led to the panic, and keeps it.
    fn describe(&self, recording: &Recording, found: &Left, cut: &str) -> Result<(), TrialError> {
        let kept = tempfile::tempdir()?.keep();
        found.image.write(&kept)?;
        let steps: String = recording.steps.iter().map(|step| format!("{step}\n")).collect();
        fs::write(kept.join("steps"), steps)?;
        let last: Vec<_> = found.said.iter().rev().take(12).rev().collect();
        eprintln!("{}: {SEED}={}, {cut}, forgetful: {}", self.name, self.seed, recording.forgetful);
        eprintln!(
            "kept in {}: the folder as it was left, and all steps; said last: {last:#?}",
            kept.display()
        );
        Ok(())
    }

    /// Cuts the recorded life on a disk that does not do some syncs, until the check notices.
    fn must_notice(
        &self,
        recording: &Recording,
        missing: Missing,
        within: usize,
        random: &mut StdRng,
    ) -> Result<(), TrialError> {
        let steps = without(recording, missing).ok_or(TrialError::NeverSynced(missing))?;
        let mut run = Run::new(recording, &steps, &[]);
        for (which, moment) in moments(&steps, within, random).into_iter().enumerate() {
            run.go_on_to(moment);
            let (found, _) = run.cut(random);
            if self.check(&found)?.is_err() {
                eprintln!("{}: {missing:?} missing is noticed at cut {which}, as it must be", self.name);
                return Ok(());
            }
        }
        Err(TrialError::Unnoticed(missing))
    }

    /// The check's panic, if it panics.
    fn check(&self, left: &Left) -> Result<std::thread::Result<()>, TrialError> {
        let scratch = tempfile::tempdir_in(memory())?;
        left.image.write(scratch.path())?;
        let found = Found { folder: scratch.path(), freed: &left.freed, said: &left.said };
        Ok(catch_unwind(AssertUnwindSafe(|| (self.check)(found))))
    }
}

/// A recorded life up to some moment.
struct Run<'a> {
    steps: &'a [Step],
    disk: Disk,
    said: Vec<String>,
    taken: usize,
    calls: CallNumber,
}

impl<'a> Run<'a> {
    fn new(recording: &Recording, steps: &'a [Step], before: &[String]) -> Self {
        Self {
            steps,
            disk: Disk::new(&recording.before, recording.forgetful),
            said: before.to_vec(),
            taken: 0,
            calls: 0,
        }
    }

    fn go_on_to(&mut self, moment: usize) {
        for step in self.steps.get(self.taken..moment).into_iter().flatten() {
            self.disk.take(step);
            match step {
                Step::Said(line) => self.said.push(line.clone()),
                Step::File { call, .. } | Step::Name { call, .. } => self.calls = *call,
                _ => {}
            }
        }
        self.taken = moment;
    }

    fn cut(&self, random: &mut StdRng) -> (Left, Cut) {
        let cut = Cut::any(random, self.calls);
        let (image, freed) = cut.leave(&self.disk, random);
        (Left { image, freed, said: self.said.clone() }, cut)
    }
}

/// Counts of steps after which the power goes, ascending: a third of them anywhere, a third next to a sync or to
/// something said, a third next to a change of names or lengths, which are few and decide most; and the end.
fn moments(steps: &[Step], count: usize, random: &mut StdRng) -> Vec<usize> {
    let places = |wanted: fn(&Step) -> bool| -> Vec<usize> {
        (0..steps.len()).filter(|at| steps.get(*at).is_some_and(wanted)).collect()
    };
    let told = places(|step| matches!(step, Step::SyncBegun { .. } | Step::SyncEnded { .. } | Step::Said(_)));
    let named = places(|step| {
        let resized = matches!(step, Step::File { change: FileChange::Resize(_) | FileChange::Grow(_), .. });
        resized || matches!(step, Step::Name { .. })
    });
    let mut moments: Vec<usize> = (1..count)
        .map(|which| {
            let turns = match which % 3 {
                0 => &told,
                1 => &named,
                _ => return random.random_range(0..=steps.len()),
            };
            // The change itself, and whether it has returned.
            turns
                .get(random.random_range(0..turns.len().max(1)))
                .map_or(0, |turn| turn + random.random_range(0..=2))
        })
        .collect();
    moments.push(steps.len());
    moments.sort_unstable();
    moments
}
