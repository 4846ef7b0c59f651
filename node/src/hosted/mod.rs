//! The bodies this node hosts: each with its partition, its keys and its audit log, and nothing shared.
//!
//! What must hold: rows are opened and written only through the functions here, which take a grant; whatever is
//! stored is bound to its body, space and row. Deliberately absent: any way from one body to another.

pub mod bindings;
pub mod body;
pub mod catalogues;
pub mod codes;
pub mod datasets;
pub mod documents;
pub mod identity;
pub mod notices;
pub mod numbers;
pub mod pages;
pub mod persons;
pub mod reseal;
pub mod rows;
pub mod sealed_body;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwapOption;
use chukei_wire::body_code::BodyCode;
use chukei_wire::result::ResultName;

use crate::audit::AuditLog;
use crate::key_gate::{Cause, Fault, Gate};
pub use body::HostedBody;

#[cfg(test)]
pub(crate) mod samples;
#[cfg(test)]
mod tests;

/// Why a body is not at hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotServed {
    /// This node does not host it.
    Unknown,
    /// It is hosted here, and cannot be served now.
    NotReady,
}

impl From<NotServed> for ResultName {
    fn from(why: NotServed) -> Self {
        match why {
            NotServed::Unknown => Self::NotFound,
            NotServed::NotReady => Self::NotReady,
        }
    }
}

/// One body's place: empty until the body could be opened, and again when another node has taken it over.
struct Place {
    body: ArcSwapOption<HostedBody>,
    /// Why it is empty.
    opening: Gate,
}

impl Place {
    fn empty() -> Self {
        let opening = Gate::shut_by(Fault::new(Cause::Opening, "not opened yet"));
        Self { body: ArcSwapOption::empty(), opening }
    }

    fn fault(&self) -> Option<Arc<Fault>> {
        self.body.load().as_ref().map_or_else(|| self.opening.fault(), |body| body.gate().fault())
    }
}

/// The bodies that this node is to host, by code. Each opens, fails and recovers by itself.
pub struct Bodies {
    by_code: HashMap<BodyCode, Place>,
    showing: Mutex<()>,
}

impl Bodies {
    /// Places for bodies that are not open yet.
    pub fn closed(codes: impl IntoIterator<Item = BodyCode>) -> Self {
        let by_code = codes.into_iter().map(|code| (code, Place::empty())).collect();
        Self { by_code, showing: Mutex::default() }
    }

    /// Puts an open body in its place.
    pub fn enter(&self, body: HostedBody) -> Option<Arc<HostedBody>> {
        let place = self.by_code.get(&body.code())?;
        let body = Arc::new(body);
        place.body.store(Some(body.clone()));
        Some(body)
    }

    /// Empties a body's place for this reason: who enters it from now on is turned away, and its keys are gone with
    /// the last who is in it still.
    pub fn leave(&self, code: BodyCode, fault: Fault) {
        if let Some(place) = self.by_code.get(&code) {
            place.opening.set(Some(fault));
            place.body.store(None);
        }
    }

    /// The body, if this node hosts it and can serve it now.
    pub fn get(&self, code: BodyCode) -> Result<Arc<HostedBody>, NotServed> {
        let place = self.by_code.get(&code).ok_or(NotServed::Unknown)?;
        match place.body.load_full() {
            // Like one that was never there (R1).
            Some(body) if body.is_ended() => Err(NotServed::Unknown),
            Some(body) if body.gate().pass().is_ok() => Ok(body),
            _ => Err(NotServed::NotReady),
        }
    }

    /// The body, if it was opened, whether or not it can be served now: for its log.
    pub fn opened(&self, code: BodyCode) -> Option<Arc<HostedBody>> {
        self.by_code.get(&code)?.body.load_full()
    }

    /// The log of a body that is open: for events.
    pub fn log_of(&self, code: BodyCode) -> Option<AuditLog> {
        self.opened(code).map(|body| body.audit().clone())
    }

    /// The logs of all bodies that are open: for events.
    pub fn logs(&self) -> impl Iterator<Item = AuditLog> {
        self.iter().map(|body| body.audit().clone())
    }

    /// Every body that is open.
    pub fn iter(&self) -> impl Iterator<Item = Arc<HostedBody>> {
        self.by_code.values().filter_map(|place| place.body.load_full())
    }

    /// Every body's code.
    pub fn codes(&self) -> impl Iterator<Item = BodyCode> {
        self.by_code.keys().copied()
    }

    /// Notes why a body could not be opened; tells whether that is news.
    pub fn note(&self, code: BodyCode, fault: Fault) -> bool {
        self.by_code.get(&code).is_some_and(|place| place.opening.set(Some(fault)))
    }

    /// Bodies that cannot be served now, or not wholly, in order of their codes.
    pub fn faults(&self) -> BTreeMap<BodyCode, Arc<Fault>> {
        let faulty = |(code, place): (&BodyCode, &Place)| Some((*code, place.fault()?));
        self.by_code.iter().filter_map(faulty).collect()
    }

    /// Has what is shown of the faults made anew, by one at a time: bodies come and go together, and whoever looked first
    /// must not be the last to show what it saw.
    pub fn show_faults(&self, show: impl FnOnce(&BTreeMap<BodyCode, Arc<Fault>>)) {
        let _alone = self.showing.lock().unwrap_or_else(PoisonError::into_inner);
        show(&self.faults());
    }
}
