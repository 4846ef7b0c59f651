//! Random histories in one process: groups of batches, closing and opening, compaction. A failure is shrunk.

use chukei_store::{EngineKind, StoreError};
use proptest::prelude::*;

use super::{Model, NAMES, Step, batch, expect, found, rows, versions};
use crate::stage::Stage;

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

async fn run(kind: EngineKind, actions: Vec<Action>) {
    let stage = Stage::embedded(kind);
    let mut partition = stage.open().await;
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
}

fn check(kind: EngineKind, actions: Vec<Action>) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(run(kind, actions));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn sqlite_does_what_a_sorted_map_would(actions in prop::collection::vec(action(), 1..12)) {
        check(EngineKind::Sqlite, actions);
    }

    #[test]
    fn sled_does_what_a_sorted_map_would(actions in prop::collection::vec(action(), 1..12)) {
        check(EngineKind::Sled, actions);
    }
}
