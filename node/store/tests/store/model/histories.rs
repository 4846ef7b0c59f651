//! Random histories in one process: groups of batches, closing and opening, compaction. A failure is shrunk.

use std::sync::{Arc, Mutex, PoisonError};

use chukei_store::{Batch, EngineKind, Partition, StoreError};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use super::{Model, NAMES, Step, batch, expect, found, rows, versions};
use crate::stage::{Stage, key};

#[derive(Debug, Clone)]
enum Action {
    /// Batches that are queued together.
    Apply(Vec<Vec<Step>>),
    Reopen,
    Compact,
}

fn step() -> impl Strategy<Value = Step> {
    let name = 0..NAMES;
    let value = prop_oneof![
        9 => prop::collection::vec(any::<u8>(), 0..5000),
        1 => (any::<u8>(), 5_000..40_000usize).prop_map(|(byte, length)| vec![byte; length]),
    ];
    prop_oneof![
        4 => (name.clone(), value).prop_map(|(name, value)| Step::Put(name, value)),
        2 => name.clone().prop_map(Step::Delete),
        1 => name.clone().prop_map(Step::RequireAbsent),
        1 => (name, any::<bool>()).prop_map(|(name, known)| Step::RequireVersion(name, known)),
    ]
}

fn action() -> impl Strategy<Value = Action> {
    let batch = prop::collection::vec(step(), 0..5);
    prop_oneof![
        6 => prop::collection::vec(batch, 1..5).prop_map(Action::Apply),
        1 => Just(Action::Reopen),
        1 => Just(Action::Compact),
    ]
}

/// One history, on a body that has seen others before: its rows go first.
async fn run(stage: &Stage, open: &Mutex<Option<Arc<dyn Partition>>>, actions: Vec<Action>) {
    // Not there while it runs: after a history that failed the next one opens anew.
    let kept = open.lock().unwrap_or_else(PoisonError::into_inner).take();
    let mut partition = match kept {
        Some(partition) => partition,
        None => stage.open().await,
    };
    let emptied = (0..NAMES).fold(Batch::new(), |batch, name| batch.delete(key(&[name])));
    partition.apply(emptied).await.unwrap();
    let mut model = Model::new();
    let mut number = 0;
    for action in actions {
        match action {
            Action::Reopen => {
                drop(partition);
                partition = stage.open().await;
            }
            Action::Compact => drop(partition.compact().await.unwrap()),
            Action::Apply(group) => {
                let (before, versions) = (model.clone(), versions(&*partition).await);
                let queued: Vec<_> =
                    group.iter().map(|steps| partition.apply(batch(steps, &versions))).collect();
                for (steps, outcome) in group.iter().zip(queued) {
                    number += 1;
                    match outcome.await {
                        Ok(()) => assert!(expect(&mut model, &before, steps, number)),
                        Err(StoreError::Conflict) => assert!(!expect(&mut model, &before, steps, number)),
                        Err(other) => panic!("{other}"),
                    }
                }
            }
        }
        assert_eq!(found(&*partition).await, rows(&model));
    }
    *open.lock().unwrap_or_else(PoisonError::into_inner) = Some(partition);
}

fn check(kind: EngineKind, cases: u32) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let Some(stage) = runtime.block_on(Stage::new(kind)) else { return };
    let open = Mutex::new(None);
    let config = ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() };
    let outcome = TestRunner::new(config).run(&prop::collection::vec(action(), 1..12), |actions| {
        runtime.block_on(run(&stage, &open, actions));
        Ok(())
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
}

#[test]
fn sqlite_model_is_a_sorted_map() {
    check(EngineKind::Sqlite, 500);
}

#[test]
fn sled_model_is_a_sorted_map() {
    check(EngineKind::Sled, 500);
}

#[test]
fn postgres_model_is_a_sorted_map() {
    check(EngineKind::Postgres, 50);
}
