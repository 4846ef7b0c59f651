//! A page of a person's records as a body gave it, read and verified against the keys of the signed peer list.
//!
//! What must hold: a page is what was asked for, place after place; nothing of it counts before the checkpoint's signatures
//! and each proof were verified.

use chukei_crypto::tlog::{Opening, PROOF_MAX, Pins, Proof, SignedCheckpoint, Standing, TreeHead};
use chukei_relay_client::log_key::{LogKey, LogOrigin};
use chukei_relay_client::peers::PeerList;
use chukei_wire::body_code::BodyCode;
use chukei_wire::limits::{RECORDS_CHECKPOINT_MAX, RECORDS_OPENING_MAX, RECORDS_PAGE};
use chukei_wire::message::records::{OpenPlace, RecordsReply, StatedLog};

use super::growth::follows;
use super::seen::Seen;
use super::wrong::{Fault, Wrong};
use crate::storage::reached::KnownLog;

/// What a log states, not verified.
pub(super) struct Stated {
    key: LogKey,
    origin: LogOrigin,
    pub(super) checkpoint: SignedCheckpoint,
    grown: Proof,
}

/// What is proven by a checkpoint, once its signatures were verified.
pub(super) struct Vouched {
    pub(super) pins: Pins,
    pub(super) standing: Standing,
}

/// An open place.
pub(super) struct Open {
    pub(super) seen: Seen,
    pub(super) opening: Opening,
    pub(super) proof: Proof,
}

/// A page.
pub(super) struct Page {
    pub(super) stated: Option<Stated>,
    pub(super) count: u64,
    /// How many places it has, closed ones among them.
    pub(super) places: u64,
    pub(super) open: Vec<Open>,
}

impl Page {
    /// Reads the page of `body` that begins with place `from`.
    pub(super) fn read(body: BodyCode, from: u64, reply: RecordsReply) -> Result<Self, Fault> {
        let due = reply.count.saturating_add(1).saturating_sub(from).min(RECORDS_PAGE as u64);
        let places = reply.places.len() as u64;
        let in_order = reply.places.iter().zip(from..).all(|(place, number)| place.number == number);
        if places != due || !in_order || reply.count == u64::MAX {
            return Err(Wrong::Page.into());
        }
        let stated = reply.log.map(|log| Stated::read(body, log)).transpose()?;
        let mut open = Vec::new();
        for place in reply.places {
            let (number, Some(shown)) = (place.number, place.open) else { continue };
            let shown = Open::read(body, shown).map_err(|wrong| Fault::at(number, wrong))?;
            if stated.is_none() {
                return Err(Fault::at(number, Wrong::NotInLog));
            }
            if shown.seen.number != number {
                return Err(Fault::at(number, Wrong::OtherPlace));
            }
            open.push(shown);
        }
        Ok(Self { stated, count: reply.count, places, open })
    }

    /// Verifies the checkpoint, that it continues the known one, and every proof; `None` where the log states nothing yet.
    pub(super) fn verify(
        &self,
        peers: &PeerList,
        known: Option<&KnownLog>,
    ) -> Result<Option<Vouched>, Fault> {
        let Some(stated) = &self.stated else { return Ok(None) };
        let (vouched, head) = stated.verify(peers)?;
        if let Some(known) = known {
            follows(known, &stated.log(), &stated.grown)?;
        }
        self.open.iter().try_for_each(|open| open.seen.is_in(&open.proof, &head))?;
        Ok(Some(vouched))
    }
}

impl Stated {
    fn read(body: BodyCode, log: StatedLog) -> Result<Self, Wrong> {
        if log.checkpoint.len() > RECORDS_CHECKPOINT_MAX || log.grown.len() > PROOF_MAX * 32 {
            return Err(Wrong::Page);
        }
        let grown = Proof::from_bytes(&log.grown).map_err(|_| Wrong::Page)?;
        let checkpoint = SignedCheckpoint::parse(&log.checkpoint).map_err(|_| Wrong::Checkpoint)?;
        let origin: LogOrigin = checkpoint.unverified().origin().parse().map_err(|_| Wrong::Checkpoint)?;
        if origin.body != body {
            return Err(Wrong::OtherBody);
        }
        let key = LogKey { body, public: log.key, signature: log.certificate };
        Ok(Self { key, origin, checkpoint, grown })
    }

    /// The checkpoint, as it says itself.
    pub(super) fn log(&self) -> KnownLog {
        let TreeHead { size, root } = *self.checkpoint.unverified().head();
        KnownLog { epoch: self.origin.epoch, size, root, note: self.checkpoint.to_string() }
    }

    fn verify(&self, peers: &PeerList) -> Result<(Vouched, TreeHead), Wrong> {
        let pins = self.key.pins(self.origin.epoch, peers).map_err(|_| Wrong::Checkpoint)?;
        let (checkpoint, witnessed) = self.checkpoint.verify(&pins).map_err(|_| Wrong::Checkpoint)?;
        Ok((Vouched { pins, standing: witnessed.standing }, *checkpoint.head()))
    }
}

impl Open {
    fn read(body: BodyCode, place: OpenPlace) -> Result<Self, Wrong> {
        if place.opening.len() > RECORDS_OPENING_MAX || place.proof.len() > PROOF_MAX * 32 {
            return Err(Wrong::Page);
        }
        let opening = Opening::from_bytes(&place.opening).map_err(|_| Wrong::Opening)?;
        let proof = Proof::from_bytes(&place.proof).map_err(|_| Wrong::NotInLog)?;
        Ok(Self { seen: Seen::read(body, place.index, &opening)?, opening, proof })
    }
}

#[cfg(test)]
mod tests;
