//! The engines against the simplest thing that could be right: a sorted map.

mod histories;
mod kills;

use std::collections::BTreeMap;

use chukei_store::{Batch, Partition};

use crate::stage::{all, key};

/// Rows by name: the number of the batch that wrote the row last, and its value.
type Model = BTreeMap<u8, (usize, Vec<u8>)>;

/// Names of rows that the histories use.
const NAMES: u8 = 6;

#[derive(Debug, Clone)]
enum Step {
    Put(u8, Vec<u8>),
    Delete(u8),
    RequireAbsent(u8),
    /// The version that the row had at some moment before, or none that ever was.
    RequireVersion(u8, bool),
}

/// The versions of the rows that are there.
async fn versions(partition: &dyn Partition) -> BTreeMap<u8, u64> {
    let rows = partition.scan(&all(), None, 100).await.unwrap().rows;
    rows.into_iter().map(|(key, row)| (key.as_bytes()[1], row.version)).collect()
}

fn batch(steps: &[Step], versions: &BTreeMap<u8, u64>) -> Batch {
    steps.iter().fold(Batch::new(), |batch, step| match step {
        Step::Put(name, value) => batch.put(key(&[*name]), value.clone()),
        Step::Delete(name) => batch.delete(key(&[*name])),
        Step::RequireAbsent(name) => batch.require_absent(key(&[*name])),
        Step::RequireVersion(name, true) => {
            batch.require_version(key(&[*name]), versions.get(name).copied().unwrap_or(u64::MAX))
        }
        Step::RequireVersion(name, false) => batch.require_version(key(&[*name]), u64::MAX),
    })
}

/// What the batch must do, versions being those of `before`: whether it happens, and the rows after it.
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

/// The rows of a model, without who wrote them.
fn rows(model: &Model) -> BTreeMap<u8, Vec<u8>> {
    model.iter().map(|(name, (_, value))| (*name, value.clone())).collect()
}

/// The rows of a partition, read in every way there is, which must agree.
async fn found(partition: &dyn Partition) -> BTreeMap<u8, Vec<u8>> {
    let page = partition.scan(&all(), None, 100).await.unwrap().rows;
    let keys: Vec<_> = (0..NAMES).map(|name| key(&[name])).collect();
    let read = partition.get_many(&keys).await.unwrap();
    let one_by_one: Vec<_> =
        keys.into_iter().zip(read).filter_map(|(key, row)| row.map(|row| (key, row))).collect();
    assert_eq!(page, one_by_one);
    assert_eq!(partition.count(&all()).await.unwrap(), page.len() as u64);
    page.into_iter().map(|(key, row)| (key.as_bytes()[1], row.value)).collect()
}
