//! The recorded processes: where each works, and which file each of its descriptors stands for.
//!
//! Threads share both; a process that forks gives its child a copy, and what was open in both has one position.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use crate::step::Node;

/// What the kernel calls a thread, and by the number of its first thread a process.
pub(crate) type ThreadId = u64;

/// What one or more descriptors stand for.
pub(crate) struct Opened {
    pub(crate) node: Node,
    pub(crate) position: u64,
    pub(crate) appends: bool,
    pub(crate) rebuilt: bool,
}

#[derive(Clone)]
struct Process {
    descriptors: HashMap<u64, usize>,
    working: PathBuf,
}

/// All processes; calls are those of the current one.
pub(crate) struct Processes {
    opened: Vec<Opened>,
    processes: Vec<Process>,
    threads: HashMap<ThreadId, usize>,
    current: usize,
}

impl Processes {
    /// The first process, before it has done anything.
    pub(crate) fn new(working: &Path) -> Self {
        let first = Process { descriptors: HashMap::new(), working: working.to_owned() };
        Self { opened: Vec::new(), processes: vec![first], threads: HashMap::new(), current: 0 }
    }

    /// Makes the process of this thread the current one; `None` for a thread that nobody made.
    pub(crate) fn go_to(&mut self, thread: ThreadId) -> Option<()> {
        if self.threads.is_empty() {
            self.threads.insert(thread, self.current);
        }
        self.current = *self.threads.get(&thread)?;
        Some(())
    }

    /// The current process makes a thread, with or without descriptors of its own.
    pub(crate) fn make(&mut self, thread: ThreadId, shares: bool) {
        let process = if shares {
            self.current
        } else {
            self.processes.extend(self.processes.get(self.current).cloned());
            self.processes.len() - 1
        };
        self.threads.insert(thread, process);
    }

    /// Where the current process looks for `path`.
    pub(crate) fn absolute(&self, path: &Path) -> PathBuf {
        self.processes.get(self.current).map_or_else(PathBuf::new, |process| process.working.join(path))
    }

    pub(crate) fn work_in(&mut self, path: &Path) {
        if let Some(process) = self.processes.get_mut(self.current) {
            process.working.push(path);
        }
    }

    pub(crate) fn open(&mut self, descriptor: u64, opened: Opened) {
        let at = self.opened.len();
        self.opened.push(opened);
        self.descriptors(|descriptors| descriptors.insert(descriptor, at));
    }

    pub(crate) fn close(&mut self, descriptor: u64) {
        self.descriptors(|descriptors| descriptors.remove(&descriptor));
    }

    /// Closes all descriptors for which this is so.
    pub(crate) fn close_all(&mut self, closed: impl Fn(u64) -> bool) {
        self.descriptors(|descriptors| descriptors.retain(|descriptor, _| !closed(*descriptor)));
    }

    pub(crate) fn duplicate(&mut self, from: u64, to: u64) {
        self.descriptors(|descriptors| match descriptors.get(&from).copied() {
            Some(opened) => descriptors.insert(to, opened),
            None => descriptors.remove(&to),
        });
    }

    pub(crate) fn opened(&self, descriptor: u64) -> Option<&Opened> {
        self.opened.get(*self.processes.get(self.current)?.descriptors.get(&descriptor)?)
    }

    pub(crate) fn opened_mut(&mut self, descriptor: u64) -> Option<&mut Opened> {
        self.opened.get_mut(*self.processes.get(self.current)?.descriptors.get(&descriptor)?)
    }

    fn descriptors<T>(&mut self, change: impl FnOnce(&mut HashMap<u64, usize>) -> T) {
        if let Some(process) = self.processes.get_mut(self.current) {
            change(&mut process.descriptors);
        }
    }
}
