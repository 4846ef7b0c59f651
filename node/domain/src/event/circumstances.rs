//! Where a record has the device, the department and the reasons that R3 asks for: in itself, or with the request that
//! it belongs to.
//!
//! What must hold: nothing about a caller stands in two records of one request. Deliberately absent: looking that other
//! record up, which is the log's.

use crate::event::{Record, Why};

/// Beginnings of identities that act by themselves, and for nobody who called.
const PROCESSES: [&str; 2] = ["chukei://node/", "chukei://broker/"];

/// Where a record's circumstances stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Circumstances<'a> {
    /// In the record itself.
    Here(&'a Why),
    /// In the record of this request that tells of its decision (`called`, `call-refused`, `authorised`, `refused`), earlier
    /// in the same log; of a broker's records, in the log of the body that they name.
    With([u8; 16]),
    /// Nowhere: the process did its own duty, by the clock, by what two persons decided or by a command of whoever holds
    /// the machine, and is the actor.
    Duty,
    /// Nowhere: told before records named their call, or at a broker for another machine, which is the actor.
    Untold,
}

impl Record {
    /// Where device, department and reasons of what it tells stand (R3).
    pub fn circumstances(&self) -> Circumstances<'_> {
        let with = || self.call.or_else(|| self.event.request());
        match (self.event.why(), with()) {
            (Some(why), _) => Circumstances::Here(why),
            (None, Some(request)) => Circumstances::With(request),
            (None, None) if PROCESSES.iter().any(|own| self.actor.starts_with(own)) => Circumstances::Duty,
            (None, None) => Circumstances::Untold,
        }
    }
}
