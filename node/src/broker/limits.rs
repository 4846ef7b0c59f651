//! Requests in work at once, by body: one body's flood leaves the others room (R40).

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use chukei_relay_client::peers::PeerList;
use chukei_wire::body_code::BodyCode;

use crate::admission::BodyLimit;
use crate::broker::codes::Party;
use crate::broker::rights::Way;

/// The limits of every body, and one for what concerns none that is listed.
pub(super) struct BodyLimits {
    each: usize,
    listed: Mutex<HashMap<BodyCode, BodyLimit>>,
    others: BodyLimit,
}

impl BodyLimits {
    /// At most `each` requests of a body at once.
    pub(super) fn new(each: usize) -> Self {
        Self { each, listed: Mutex::default(), others: BodyLimit::new(each) }
    }

    /// The limit that a request falls under. Only bodies of the peer list get one of their own, so that invented
    /// codes take no memory.
    pub(super) fn of(&self, way: &Way, peers: &PeerList) -> BodyLimit {
        let body = match way {
            Way::Relay(passage) => Some(passage.body),
            Way::Acquire(Party::Body(body)) | Way::Renew(Party::Body(body)) => Some(*body),
            Way::Acquire(Party::Portal(_)) | Way::Renew(Party::Portal(_)) | Way::Announce | Way::Time => None,
        };
        match body.filter(|body| peers.body(body).is_some()) {
            Some(body) => {
                let mut listed = self.listed.lock().unwrap_or_else(PoisonError::into_inner);
                listed.entry(body).or_insert_with(|| BodyLimit::new(self.each)).clone()
            }
            None => self.others.clone(),
        }
    }
}
