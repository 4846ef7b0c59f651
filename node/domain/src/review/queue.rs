//! The open items of one body: merged, bounded, and each known to be durable or not.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::item::{Item, Signature};
use super::note::check_note;
use super::rule::{Observation, Rule};
use crate::day::day_of;
use crate::outcome::Refusal;

/// Items open at once. Beyond them the oldest stay and nothing is opened, which one item more says.
pub const OPEN_MAX: usize = 10_000;

/// What became of an operation that meets a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Merged {
    /// It opened the item of this number.
    Opened(u64),
    /// It was added to the item of this number.
    Added(u64),
    /// The queue is full: the item of this number counts it.
    Dropped(u64),
}

/// Why an item is not signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignRefusal {
    /// No item of this number is open.
    #[error("no such item")]
    Unknown,
    /// The reviewer is one of those whom it is about.
    #[error("a reviewer does not sign off what they did")]
    Own,
    /// It has more operations, or fewer, than those that the reviewer saw.
    #[error("not what the reviewer saw")]
    Outdated,
    /// The note may not be kept.
    #[error("note: {0}")]
    Note(Refusal),
}

/// What operations are merged by.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Key {
    rule: Rule,
    subject: String,
    day: u32,
}

struct Entry {
    item: Item,
    /// Changes so far, and how many of them are durable.
    revision: u64,
    written: Option<u64>,
}

/// The open items of one body.
pub struct Queue {
    open: BTreeMap<u64, Entry>,
    by_key: HashMap<Key, u64>,
    changed: BTreeSet<u64>,
    last: u64,
    most: usize,
}

impl Default for Queue {
    fn default() -> Self {
        Self::of_at_most(OPEN_MAX)
    }
}

impl Queue {
    /// An empty queue that is full with so many items.
    pub(super) fn of_at_most(most: usize) -> Self {
        Self { open: BTreeMap::new(), by_key: HashMap::new(), changed: BTreeSet::new(), last: 0, most }
    }

    /// A queue as it was stored: its open items, and the last number given.
    pub fn load(items: impl IntoIterator<Item = Item>, last: u64) -> Self {
        let mut queue = Self { last, ..Self::default() };
        for item in items {
            queue.last = queue.last.max(item.number);
            queue.by_key.insert(Self::key(&item), item.number);
            if !item.told {
                queue.changed.insert(item.number);
            }
            queue.open.insert(item.number, Entry { item, revision: 0, written: Some(0) });
        }
        queue
    }

    /// Adds an operation that meets `rule`: to the open item of the same rule, subject and day, or to a new one.
    pub fn add(&mut self, rule: Rule, seen: &Observation<'_>) -> Merged {
        let subject = match rule {
            Rule::Delegated => seen.delegation.unwrap_or(seen.identity),
            _ => seen.identity,
        };
        let key = Key { rule, subject: subject.to_owned(), day: day_of(seen.now_ms) };
        match self.by_key.get(&key).copied() {
            Some(number) => Merged::Added(self.extend(number, seen)),
            None if self.is_full() => Merged::Dropped(self.drop_one(seen)),
            None => Merged::Opened(self.begin(key, seen)),
        }
    }

    /// Whether nothing more is opened.
    pub fn is_full(&self) -> bool {
        let counting = usize::from(self.by_key.contains_key(&full_key()));
        self.open.len().saturating_sub(counting) >= self.most
    }

    /// Items that are open.
    pub fn len(&self) -> usize {
        self.open.len()
    }

    /// Whether none is open.
    pub fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// The last number given.
    pub fn last_number(&self) -> u64 {
        self.last
    }

    /// Items that nobody has signed for `days`.
    pub fn overdue(&self, days: u32, now_ms: u64) -> usize {
        self.items(0).filter(|item| item.is_overdue(days, now_ms)).count()
    }

    /// Open items with numbers beyond `after`, in their order.
    pub fn items(&self, after: u64) -> impl Iterator<Item = &Item> {
        self.open.range(after.saturating_add(1)..).map(|(_, entry)| &entry.item)
    }

    /// The open item of this number.
    pub fn item(&self, number: u64) -> Option<&Item> {
        self.open.get(&number).map(|entry| &entry.item)
    }

    /// Whether an item waits that was never written, or that the log does not tell of.
    pub fn is_urgent(&self) -> bool {
        self.unwritten().any(|entry| entry.written.is_none() || !entry.item.told)
    }

    /// Items that are not durable as they are, at most so many, with what [`Self::written`] is to be told.
    pub fn unwritten_items(&self, most: usize) -> Vec<(Item, u64)> {
        self.unwritten().take(most).map(|entry| (entry.item.clone(), entry.revision)).collect()
    }

    /// An item is durable as it was at `revision`.
    pub fn written(&mut self, number: u64, revision: u64) {
        if let Some(entry) = self.open.get_mut(&number) {
            entry.written = entry.written.max(Some(revision));
            if entry.revision == revision {
                self.changed.remove(&number);
            }
        }
    }

    /// The log tells that an item was opened.
    pub fn told(&mut self, number: u64) {
        if let Some(entry) = self.open.get_mut(&number) {
            entry.item.told = true;
            entry.revision += 1;
            self.changed.insert(number);
        }
    }

    /// What the item of this number is once `signature` stands under it, where it is what the reviewer saw: an item with
    /// `seen` operations. From here on further operations open another item: what a reviewer has not seen is not signed.
    pub fn begin_to_sign(
        &mut self,
        number: u64,
        seen: u64,
        signature: Signature,
    ) -> Result<Item, SignRefusal> {
        check_note(&signature.note).map_err(SignRefusal::Note)?;
        let entry = self.open.get(&number).ok_or(SignRefusal::Unknown)?;
        if entry.item.concerns(&signature.by) {
            return Err(SignRefusal::Own);
        }
        // Whatever changes an item adds to its operations.
        if entry.item.count != seen {
            return Err(SignRefusal::Outdated);
        }
        let mut signed = entry.item.clone();
        let key = Self::key(&signed);
        if self.by_key.get(&key) == Some(&number) {
            self.by_key.remove(&key);
        }
        signed.signed = Some(signature);
        Ok(signed)
    }

    /// The signed item is durable, or, where it could not be made so, open as it was.
    pub fn end_signing(&mut self, number: u64, durable: bool) {
        if durable {
            self.open.remove(&number);
            self.changed.remove(&number);
        } else if let Some(entry) = self.open.get(&number) {
            self.by_key.entry(Self::key(&entry.item)).or_insert(number);
        }
    }

    fn begin(&mut self, key: Key, seen: &Observation<'_>) -> u64 {
        self.last += 1;
        let number = self.last;
        let item = Item::new(number, key.rule, key.subject.clone(), seen.now_ms);
        self.by_key.insert(key, number);
        self.open.insert(number, Entry { item, revision: 0, written: None });
        self.extend(number, seen)
    }

    fn extend(&mut self, number: u64, seen: &Observation<'_>) -> u64 {
        if let Some(entry) = self.open.get_mut(&number) {
            entry.item.add(seen);
            entry.revision += 1;
            self.changed.insert(number);
        }
        number
    }

    /// Counts what does not fit: on one item, beside the others, until that is signed.
    fn drop_one(&mut self, seen: &Observation<'_>) -> u64 {
        let counting = Observation { reasons: &[], device: None, persons: 0, ..*seen };
        match self.by_key.get(&full_key()).copied() {
            Some(number) => self.extend(number, &counting),
            None => self.begin(full_key(), &counting),
        }
    }

    fn unwritten(&self) -> impl Iterator<Item = &Entry> {
        self.changed.iter().filter_map(|number| self.open.get(number))
    }

    fn key(item: &Item) -> Key {
        match item.rule {
            Rule::QueueFull => full_key(),
            rule => Key { rule, subject: item.subject.clone(), day: item.day },
        }
    }
}

/// The one item that counts what did not fit is merged whatever the day is.
fn full_key() -> Key {
    Key { rule: Rule::QueueFull, subject: String::new(), day: 0 }
}
