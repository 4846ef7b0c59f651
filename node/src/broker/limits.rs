//! Requests in work at once, by body: one body's flood leaves the others room (R40).

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use chukei_relay_client::peers::PeerList;
use chukei_wire::body_code::BodyCode;

use crate::admission::{Admission, BodyLimit, Bounds};
use crate::broker::codes::Party;
use crate::broker::rights::Way;

/// The limits of every body, and one for what concerns none that is listed.
pub(super) struct BodyLimits {
    admission: Admission,
    each: Bounds,
    listed: Mutex<HashMap<BodyCode, BodyLimit>>,
    others: BodyLimit,
}

impl BodyLimits {
    /// At most `each` requests of a body at once.
    pub(super) fn new(admission: &Admission, each: usize) -> Self {
        let each = Bounds::places(each);
        let others = admission.body("others", each);
        Self { admission: admission.clone(), each, listed: Mutex::default(), others }
    }

    /// The limit that a request falls under. Only bodies of the peer list get one of their own, so that invented
    /// codes take no memory.
    pub(super) fn of(&self, way: &Way, peers: &PeerList) -> BodyLimit {
        let body = match way {
            Way::Relay(passage) => Some(passage.body),
            Way::Acquire(Party::Body(body))
            | Way::Renew(Party::Body(body))
            | Way::Undisclosed(Party::Body(body)) => Some(*body),
            Way::Records(_, body) => *body,
            Way::Undisclosed(Party::Portal(_))
            | Way::Acquire(Party::Portal(_))
            | Way::Renew(Party::Portal(_))
            | Way::Announce
            | Way::Time
            | Way::Witness
            | Way::Heads
            | Way::Copies => None,
        };
        match body.filter(|body| peers.body(body).is_some()) {
            Some(body) => {
                let mut listed = self.listed.lock().unwrap_or_else(PoisonError::into_inner);
                let new = || self.admission.body(body.to_string(), self.each);
                listed.entry(body).or_insert_with(new).clone()
            }
            None => self.others.clone(),
        }
    }
}
