//! What a call says of itself: for which affair it is, and with one key for one act.

use chukei_crypto::random;
use chukei_domain::codes::AffairCode;
use chukei_relay_client::request_id;
use chukei_wire::header::{Header, Kind};
use chukei_wire::id::IdempotencyKey;
use chukei_wire::limits::DEADLINE_MAX_MS;

use super::NodeLink;
use crate::failure::Failure;

impl NodeLink {
    /// Says for which affair everything from now on is done.
    pub(crate) fn work_on(&mut self, affair: AffairCode) {
        self.affair = Some(affair);
    }

    /// The affair that is worked on.
    pub(crate) fn affair(&self) -> Option<AffairCode> {
        self.affair
    }

    /// What a call says of itself.
    pub(super) fn header(&self, kind: Kind) -> Result<Header, Failure> {
        let request_id = request_id::fresh(self.clock.now_ms()).map_err(|_| Failure::no_randomness())?;
        Ok(Header {
            affair: self.affair.map(|affair| affair.to_string()),
            idempotency_key: self.idempotency_key,
            ..Header::hop(kind, self.body(), request_id, DEADLINE_MAX_MS)
        })
    }

    /// Whatever is asked from now on is one act, however often a lost connection lets it be asked.
    pub(crate) fn as_one_act(&mut self) -> Result<(), Failure> {
        let key = random::bytes().map_err(|_| Failure::no_randomness())?;
        self.idempotency_key = Some(IdempotencyKey(key));
        Ok(())
    }
}
