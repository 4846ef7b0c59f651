//! Tests that share one stage, which is set when the first of them runs and cleared after the last.

use std::sync::{Arc, Mutex, PoisonError};

use libtest_mimic::{Completion, Failed, Trial};

/// Sets the stage of a group.
pub(crate) type Set<S> = fn() -> Result<S, Failed>;
/// One test: its name, and what it does on the stage.
pub(crate) type Test<S> = (&'static str, fn(&S) -> Result<Completion, Failed>);

/// A stage that is set once, by the first test that needs it.
struct Stage<S> {
    set: Set<S>,
    made: Mutex<Option<Result<Arc<S>, Failed>>>,
}

impl<S> Stage<S> {
    fn get(&self) -> Result<Arc<S>, Failed> {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        made.get_or_insert_with(|| (self.set)().map(Arc::new)).clone()
    }
}

/// The tests of a group as trials named `<group>::<test>`. Each holds the stage, so that it is dropped with the
/// last of them, also when some are filtered out.
pub(crate) fn group<S: Send + Sync + 'static>(name: &str, set: Set<S>, tests: &[Test<S>]) -> Vec<Trial> {
    let stage = Arc::new(Stage { set, made: Mutex::new(None) });
    let trial = |(test, run): &Test<S>| {
        let (stage, run) = (Arc::clone(&stage), *run);
        Trial::ignorable_test(format!("{name}::{test}"), move || run(&*stage.get()?))
    };
    tests.iter().map(trial).collect()
}
