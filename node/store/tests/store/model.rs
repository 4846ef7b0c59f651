//! The SQLite engine against the simplest thing that could be right: a sorted map.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use chukei_store::{Batch, DataFolder, Partition, RowKey, Space, SqliteOptions, StoreError};
use proptest::prelude::*;
use tokio::runtime::Runtime;

/// Rows by name: the number of the batch that wrote the row last, and its value.
type Model = BTreeMap<u8, (usize, Vec<u8>)>;

#[derive(Debug, Clone)]
enum Step {
    Put(u8, Vec<u8>),
    Delete(u8),
    RequireAbsent(u8),
    /// The version that the row had before the group of batches, or none that ever was.
    RequireVersion(u8, bool),
}

#[derive(Debug, Clone)]
enum Action {
    /// Batches that are queued together.
    Apply(Vec<Vec<Step>>),
    Reopen,
}

fn step() -> impl Strategy<Value = Step> {
    let name = 0..6u8;
    prop_oneof![
        4 => (name.clone(), prop::collection::vec(any::<u8>(), 0..5000)).prop_map(|(name, value)| Step::Put(name, value)),
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
    ]
}

fn key(name: u8) -> RowKey {
    RowKey::new(Space::Document).bytes(&[name])
}

fn open(runtime: &Runtime, dir: &Path) -> Arc<dyn Partition> {
    runtime.block_on(DataFolder::open(dir).unwrap().sqlite(SqliteOptions::default()).open("982016")).unwrap()
}

fn versions(runtime: &Runtime, partition: &dyn Partition) -> BTreeMap<u8, u64> {
    let rows = runtime.block_on(partition.scan(&RowKey::new(Space::Document), None, 100)).unwrap().rows;
    rows.into_iter().map(|(key, row)| (key.as_bytes()[1], row.version)).collect()
}

fn batch(steps: &[Step], versions: &BTreeMap<u8, u64>) -> Batch {
    steps.iter().fold(Batch::new(), |batch, step| match step {
        Step::Put(name, value) => batch.put(key(*name), value.clone()),
        Step::Delete(name) => batch.delete(key(*name)),
        Step::RequireAbsent(name) => batch.require_absent(key(*name)),
        Step::RequireVersion(name, true) => {
            batch.require_version(key(*name), versions.get(name).copied().unwrap_or(u64::MAX))
        }
        Step::RequireVersion(name, false) => batch.require_version(key(*name), u64::MAX),
    })
}

/// What the batch must do: whether it happens, and the rows after it.
fn expect(model: &mut Model, before: &Model, steps: &[Step], number: usize) -> bool {
    let stamp = |model: &Model, name: &u8| model.get(name).map(|(stamp, _)| *stamp);
    let holds = steps.iter().all(|step| match step {
        Step::RequireAbsent(name) => !model.contains_key(name),
        Step::RequireVersion(name, known) => {
            *known && before.contains_key(name) && stamp(model, name) == stamp(before, name)
        }
        _ => true,
    });
    for step in steps.iter().filter(|_| holds) {
        match step {
            Step::Put(name, value) => drop(model.insert(*name, (number, value.clone()))),
            Step::Delete(name) => drop(model.remove(name)),
            _ => {}
        }
    }
    holds
}

fn compare(runtime: &Runtime, partition: &dyn Partition, model: &Model) {
    let rows = runtime.block_on(partition.scan(&RowKey::new(Space::Document), None, 100)).unwrap().rows;
    let found: Vec<_> = rows.iter().map(|(key, row)| (key.clone(), row.value.clone())).collect();
    let expected: Vec<_> = model.iter().map(|(name, (_, value))| (key(*name), value.clone())).collect();
    assert_eq!(found, expected);
    let keys: Vec<_> = (0..6).map(key).collect();
    let read = runtime.block_on(partition.get_many(&keys)).unwrap();
    let read: Vec<_> = read.into_iter().map(|found| found.map(|row| row.value)).collect();
    assert_eq!(read, (0..6).map(|name| model.get(&name).map(|(_, value)| value.clone())).collect::<Vec<_>>());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn sqlite_does_what_a_sorted_map_would(actions in prop::collection::vec(action(), 1..12)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let dir = tempfile::tempdir().unwrap();
        let mut partition = open(&runtime, dir.path());
        let mut model = Model::new();
        let mut number = 0;
        for action in actions {
            let Action::Apply(group) = action else {
                drop(partition);
                partition = open(&runtime, dir.path());
                compare(&runtime, &*partition, &model);
                continue;
            };
            let (before, versions) = (model.clone(), versions(&runtime, &*partition));
            let queued: Vec<_> = group.iter().map(|steps| partition.apply(batch(steps, &versions))).collect();
            for (steps, outcome) in group.iter().zip(queued) {
                number += 1;
                match runtime.block_on(outcome) {
                    Ok(()) => assert!(expect(&mut model, &before, steps, number)),
                    Err(StoreError::Conflict) => assert!(!expect(&mut model, &before, steps, number)),
                    Err(other) => panic!("{other}"),
                }
            }
            compare(&runtime, &*partition, &model);
        }
    }
}
