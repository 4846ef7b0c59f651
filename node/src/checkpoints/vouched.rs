//! The newest checkpoints of a body's log that brokers have cosigned, with what proofs to them are made from.
//!
//! What must hold: every cosignature in them was verified; a checkpoint is not exchanged for one that fewer leaves stand
//! under, unless the log has begun a new epoch. Deliberately absent: durability. After a start the next head that is
//! cosigned is the first.

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use chukei_crypto::tlog::SignedCheckpoint;
use chukei_relay_client::log_key::LogKey;
use chukei_wire::message::audit::FollowedHead;
use serde_bytes::ByteBuf;

use crate::checkpoints::proofs::Snapshot;

/// A checkpoint that brokers vouch for.
pub(crate) struct Vouched {
    /// The note, with the cosignatures.
    pub(crate) checkpoint: SignedCheckpoint,
    /// The log's key, certified by the body.
    pub(crate) key: LogKey,
    /// The tree.
    pub(crate) tree: Snapshot,
}

impl Vouched {
    /// The note with its cosignatures, as bytes.
    pub(crate) fn note(&self) -> Vec<u8> {
        self.checkpoint.to_string().into_bytes()
    }

    /// It with the key that it is believed by.
    pub(crate) fn followed(&self) -> FollowedHead {
        FollowedHead {
            checkpoint: ByteBuf::from(self.note()),
            key: self.key.public,
            certificate: self.key.signature,
        }
    }

    fn leaves(&self) -> u64 {
        self.tree.head().size
    }

    fn follows(&self, held: &Self) -> bool {
        self.tree.epoch() != held.tree.epoch() || self.leaves() >= held.leaves()
    }
}

/// Those of one log.
#[derive(Default)]
pub(crate) struct VouchedHeads {
    by_every_broker: ArcSwapOption<Vouched>,
    by_any_broker: ArcSwapOption<Vouched>,
}

impl VouchedHeads {
    /// Takes a checkpoint to which a cosignature was added; `whole` where every broker has cosigned it.
    pub(super) fn take(&self, vouched: Vouched, whole: bool) {
        let vouched = Arc::new(vouched);
        let place = |held: &ArcSwapOption<Vouched>| {
            if held.load().as_ref().is_none_or(|held| vouched.follows(held)) {
                held.store(Some(vouched.clone()));
            }
        };
        place(&self.by_any_broker);
        if whole {
            place(&self.by_every_broker);
        }
    }

    /// The newest that any broker has cosigned: how the log goes on is told without waiting for brokers that are away.
    pub(crate) fn newest(&self) -> Option<Arc<Vouched>> {
        self.by_any_broker.load_full()
    }

    /// The checkpoint to prove leaves by, of which `last` is the last index: one that every broker has cosigned, unless
    /// one that fewer have stands over more of these leaves.
    pub(crate) fn over(&self, last: Option<u64>) -> Option<Arc<Vouched>> {
        let (whole, any) = (self.by_every_broker.load_full(), self.by_any_broker.load_full());
        let (Some(whole), Some(any)) = (&whole, &any) else { return whole.or(any) };
        let enough = last.is_none_or(|last| last < whole.leaves()) || any.leaves() <= whole.leaves();
        let same = any.tree.epoch() == whole.tree.epoch();
        Some(if enough && same { whole.clone() } else { any.clone() })
    }
}
