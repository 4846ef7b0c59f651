//! Whether stamps are what they are taken for.
//!
//! What must hold: a token is over exactly the checkpoint's note, by a pinned authority; the note is signed by the body's log and
//! cosigned by a broker of the list; the log that is there now goes on from it; and later stamps have later times and no
//! fewer leaves. A log that was restored may have lost what its earlier epochs had (two persons have decided that): stamps of those are
//! counted, and hold by themselves.

use chukei_crypto::stamp::{Roots, StampError, verify};
use chukei_crypto::tlog::{Proof, SignedCheckpoint, Standing, TreeHead, verify_consistency};
use chukei_relay_client::log_key::{LogKey, LogOrigin};
use chukei_relay_client::peers::PeerList;
use chukei_wire::body_code::BodyCode;
use chukei_wire::message::audit::{AuditStampsPage, FollowedHead, TimeStamped};

/// Why a stamp is none of this log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BadStamp {
    /// The token proves nothing.
    Token(StampError),
    /// What is stamped is no checkpoint of the body's log.
    Checkpoint,
    /// No broker has cosigned it.
    NotWitnessed,
    /// The log does not go on from it.
    NotContinued,
    /// An earlier time than a stamp before it, or fewer leaves.
    OutOfOrder,
}

impl BadStamp {
    /// For scripts.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Token(error) => error.as_str(),
            Self::Checkpoint => "checkpoint",
            Self::NotWitnessed => "not_witnessed",
            Self::NotContinued => "not_continued",
            Self::OutOfOrder => "out_of_order",
        }
    }
}

/// A checkpoint that was believed.
#[derive(Clone, Copy)]
struct Stated {
    epoch: u64,
    head: TreeHead,
}

/// What was seen of stamps so far.
pub(super) struct Judge<'a> {
    roots: &'a Roots,
    peers: &'a PeerList,
    body: Option<BodyCode>,
    before: Option<(u32, u64, Stated)>,
    pub(super) stamps: u64,
    pub(super) first_ms: Option<u64>,
    /// Stamps of epochs before the log was restored, from which it does not go on.
    pub(super) before_restore: u64,
}

impl<'a> Judge<'a> {
    /// Nothing seen yet; of the first stamp's body where none is named.
    pub(super) fn new(roots: &'a Roots, peers: &'a PeerList, body: Option<BodyCode>) -> Self {
        Self { roots, peers, body, before: None, stamps: 0, first_ms: None, before_restore: 0 }
    }

    /// The newest stamped time, Unix milliseconds.
    pub(super) fn newest_ms(&self) -> Option<u64> {
        self.before.map(|(_, at_ms, _)| at_ms)
    }

    /// Takes a page: the day of the first stamp that is none, and why.
    pub(super) fn page(&mut self, page: &AuditStampsPage) -> Result<(), (u32, BadStamp)> {
        let Some(first) = page.stamps.first() else { return Ok(()) };
        let head = page.head.as_ref().ok_or((first.day, BadStamp::NotContinued))?;
        let now = self.stated(head, head).map_err(|bad| (first.day, bad))?;
        for stamp in &page.stamps {
            self.stamp(stamp, head, now).map_err(|bad| (stamp.day, bad))?;
        }
        Ok(())
    }

    fn stamp(&mut self, stamp: &TimeStamped, head: &FollowedHead, now: Stated) -> Result<(), BadStamp> {
        let stated = self.stated(&stamp.head, head)?;
        let token = verify(&stamp.token, &stamp.head.checkpoint, self.roots).map_err(BadStamp::Token)?;
        let proof = stamp.proof.as_deref().and_then(|proof| Proof::from_bytes(proof).ok());
        let goes_on = proof.is_some_and(|proof| verify_consistency(&proof, &stated.head, &now.head).is_ok());
        if stated.epoch > now.epoch || (stated.epoch == now.epoch && !goes_on) {
            return Err(BadStamp::NotContinued);
        }
        if let Some((day, at_ms, before)) = self.before {
            let shrinks = stated.epoch == before.epoch && stated.head.size < before.head.size;
            if stamp.day <= day || token.at_ms < at_ms || stated.epoch < before.epoch || shrinks {
                return Err(BadStamp::OutOfOrder);
            }
        }
        self.before_restore += u64::from(!goes_on);
        self.stamps += 1;
        self.first_ms.get_or_insert(token.at_ms);
        self.before = Some((stamp.day, token.at_ms, stated));
        Ok(())
    }

    /// What a checkpoint states, once the log has signed it and a broker has cosigned it. The key counts by the certificate that is
    /// newest: bodies change their identities.
    fn stated(&mut self, of: &FollowedHead, newest: &FollowedHead) -> Result<Stated, BadStamp> {
        let checkpoint = SignedCheckpoint::parse(&of.checkpoint).map_err(|_| BadStamp::Checkpoint)?;
        let origin: LogOrigin = checkpoint.unverified().origin().parse().map_err(|_| BadStamp::Checkpoint)?;
        if *self.body.get_or_insert(origin.body) != origin.body {
            return Err(BadStamp::Checkpoint);
        }
        let signature = if of.key == newest.key { newest.certificate } else { of.certificate };
        let key = LogKey { body: origin.body, public: of.key, signature };
        let pins = key.pins(origin.epoch, self.peers).map_err(|_| BadStamp::Checkpoint)?;
        let (stated, witnessed) = checkpoint.verify(&pins).map_err(|_| BadStamp::Checkpoint)?;
        if witnessed.standing == Standing::Unwitnessed {
            return Err(BadStamp::NotWitnessed);
        }
        Ok(Stated { epoch: origin.epoch, head: *stated.head() })
    }
}
