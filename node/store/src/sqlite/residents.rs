//! The bodies whose files are open, and which of them makes room for the next.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, Weak};

use super::body::Body;
use crate::hold::hold;

/// Idle bodies that are asked to make room before it is given up for this time: all others are at work.
const ASKED: usize = 8;

/// At most so many bodies with open files, but for those that are being read or written.
pub(super) struct Residents {
    limit: usize,
    bodies: Mutex<HashMap<u64, Weak<Body>>>,
}

impl Residents {
    pub(super) fn new(limit: usize) -> Self {
        Self { limit: limit.max(1), bodies: Mutex::default() }
    }

    pub(super) fn insert(&self, number: u64, body: Weak<Body>) {
        hold(&self.bodies).insert(number, body);
    }

    pub(super) fn remove(&self, number: u64) {
        hold(&self.bodies).remove(&number);
    }

    /// Closes the files of those used least recently until the limit holds. May wait for the disk.
    pub(super) fn make_room(&self) {
        loop {
            let candidates = self.candidates();
            // One that is at work now is none of the least recently used for long.
            if candidates.is_empty() || !candidates.iter().any(|body| body.evict()) {
                return;
            }
        }
    }

    /// Those to be asked, longest unused first; none within the limit.
    fn candidates(&self) -> Vec<Arc<Body>> {
        let mut open: Vec<Arc<Body>> = {
            let bodies = hold(&self.bodies);
            if bodies.len() <= self.limit {
                return Vec::new();
            }
            bodies.values().filter_map(Weak::upgrade).collect()
        };
        open.sort_by_cached_key(|body| body.used());
        // The newest is the one that room is made for.
        open.pop();
        open.truncate(ASKED);
        open
    }
}
