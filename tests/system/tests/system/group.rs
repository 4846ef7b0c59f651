//! Tests that share one stage, which is set when the first of them runs and cleared after the last.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, Mutex, PoisonError};

use libtest_mimic::{Completion, Failed, Trial};

/// What the tests of a group share.
pub(crate) trait Shared: Sized + Send + Sync + 'static {
    /// Sets the stage.
    fn set() -> Result<Self, Failed>;
    /// A test on this stage has failed: what it left behind is evidence.
    fn keep(&self);
}

/// One test: its name, and what it does on the stage. It fails by panicking.
pub(crate) type Test<S> = (&'static str, fn(&S));
/// A test that can be skipped, and says why.
pub(crate) type Skippable<S> = (&'static str, fn(&S) -> Completion);

/// A stage that is set once, by the first test that needs it.
struct Once<S>(Mutex<Option<Result<Arc<S>, Failed>>>);

impl<S: Shared> Once<S> {
    fn get(&self) -> Result<Arc<S>, Failed> {
        let mut made = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        made.get_or_insert_with(|| S::set().map(Arc::new)).clone()
    }
}

/// The tests of a group as trials named `<group>::<test>`. Each holds the stage, so that it is dropped with the
/// last of them, also when some are filtered out.
pub(crate) fn group<S: Shared>(name: &str, tests: &[Test<S>]) -> Vec<Trial> {
    let stage = Arc::new(Once(Mutex::new(None)));
    let trial = |(test, run): &Test<S>| {
        let run = *run;
        let run = move |stage: &S| {
            run(stage);
            Completion::Completed
        };
        on_stage(format!("{name}::{test}"), Arc::clone(&stage), run)
    };
    tests.iter().map(trial).collect()
}

/// Like [`group`], for tests that can be skipped.
pub(crate) fn skippable_group<S: Shared>(name: &str, tests: &[Skippable<S>]) -> Vec<Trial> {
    let stage = Arc::new(Once(Mutex::new(None)));
    tests.iter().map(|(test, run)| on_stage(format!("{name}::{test}"), Arc::clone(&stage), *run)).collect()
}

fn on_stage<S: Shared>(
    name: String,
    stage: Arc<Once<S>>,
    run: impl FnOnce(&S) -> Completion + Send + 'static,
) -> Trial {
    Trial::ignorable_test(name, move || {
        let stage = stage.get()?;
        match catch_unwind(AssertUnwindSafe(|| run(&stage))) {
            Ok(completion) => Ok(completion),
            Err(panic) => {
                stage.keep();
                resume_unwind(panic)
            }
        }
    })
}
