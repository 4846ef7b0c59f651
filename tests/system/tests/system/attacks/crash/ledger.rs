//! What was acknowledged, and to whom: the system may lose none of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::attacks::rig::Known;

/// A notice that its sender was told is registered.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) id: String,
    pub(crate) targets: Vec<Known>,
}

/// A person with an acknowledged copy.
#[derive(Clone, Debug)]
pub(crate) struct Held {
    pub(crate) known: Known,
    /// A change that is on its way: until it is acknowledged, either value is right (R31).
    pub(crate) coming: Option<String>,
}

impl Held {
    /// Whether this value may be shown.
    pub(crate) fn may_show(&self, value: &str) -> bool {
        self.known.value == value || self.coming.as_deref() == Some(value)
    }
}

/// Everything acknowledged.
#[derive(Default)]
pub(crate) struct Ledger {
    persons: Mutex<Vec<Held>>,
    notices: Mutex<Vec<Sent>>,
    /// Choices by notice and addressee.
    answers: Mutex<BTreeMap<(String, String), String>>,
    /// Persons and notices whose answer may have been stored without an acknowledgement.
    unsure: Mutex<BTreeSet<(String, String)>>,
    ended: AtomicBool,
    failed: AtomicBool,
}

impl Ledger {
    pub(crate) fn persons(&self) -> Vec<Held> {
        self.persons.lock().unwrap().clone()
    }

    pub(crate) fn notices(&self) -> Vec<Sent> {
        self.notices.lock().unwrap().clone()
    }

    pub(crate) fn answers(&self) -> BTreeMap<(String, String), String> {
        self.answers.lock().unwrap().clone()
    }

    pub(crate) fn hold(&self, known: Vec<Known>) {
        self.persons.lock().unwrap().extend(known.into_iter().map(|known| Held { known, coming: None }));
    }

    /// What is right for the person at `index` now.
    pub(crate) fn person(&self, index: usize) -> Held {
        self.persons.lock().unwrap()[index].clone()
    }

    /// A change of the person at `index` is on its way.
    pub(crate) fn coming(&self, index: usize, value: &str) {
        self.persons.lock().unwrap()[index].coming = Some(value.to_owned());
    }

    /// The change is acknowledged.
    pub(crate) fn came(&self, index: usize) {
        let held = &mut self.persons.lock().unwrap()[index];
        held.known.value = held.coming.take().expect("a change was on its way");
    }

    pub(crate) fn sent(&self, sent: Sent) {
        self.notices.lock().unwrap().push(sent);
    }

    /// Whether a notice of a person is to be answered: not when it has been, or may have been.
    pub(crate) fn is_open(&self, notice: &str, addressee: &str) -> bool {
        let key = (notice.to_owned(), addressee.to_owned());
        !self.answers.lock().unwrap().contains_key(&key) && !self.unsure.lock().unwrap().contains(&key)
    }

    pub(crate) fn answered(&self, notice: &str, addressee: &str, choice: &str) {
        let key = (notice.to_owned(), addressee.to_owned());
        self.answers.lock().unwrap().insert(key, choice.to_owned());
    }

    pub(crate) fn unsure(&self, notice: &str, addressee: &str) {
        self.unsure.lock().unwrap().insert((notice.to_owned(), addressee.to_owned()));
    }

    /// No new work from now on.
    pub(crate) fn end(&self) {
        self.ended.store(true, Ordering::Relaxed);
    }

    pub(crate) fn goes_on(&self) -> bool {
        !self.ended.load(Ordering::Relaxed) && !self.is_failed()
    }

    /// A worker has found a fault: there is nothing more to wait for.
    pub(crate) fn fail(&self) {
        self.failed.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_failed(&self) -> bool {
        self.failed.load(Ordering::Relaxed)
    }
}
