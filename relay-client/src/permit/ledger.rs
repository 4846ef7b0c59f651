//! The receiver's account of one epoch: permits that it accepted, and how far the broker's roots prove them. Pure:
//! no clock but a count of ticks that the caller gives.
//!
//! What must hold: a number is used once; a root is believed only if it is signed, continues the chain without a
//! gap, and every leaf in it is that of the permit that came under its number, whichever of the two came first.
//! Both tables are bounded.

use std::collections::BTreeMap;

use chukei_crypto::permit::{Epoch, Leaf, NO_ROOT, RootHash, verify_root};
use chukei_wire::limits::ROOT_LEAVES_MAX;
use chukei_wire::message::control::{PermitRoot, WantedEpoch};

/// Permits that may be accepted and not proven: two seconds of thirty thousand a second.
const OPEN_MAX: usize = 65_536;
/// Leaves of permits that have not come: as many.
const AHEAD_MAX: usize = 65_536;
/// Ticks after which a permit that has not come would be over: its life and all skew, at ten ticks a second.
const AHEAD_TICKS: u64 = 400;
const LEAF: usize = size_of::<Leaf>();

/// What a broker did that no honest one does (R35).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum PermitFault {
    /// A permit stayed without a root for too long.
    #[error("a permit was not brought under a root in time")]
    Withheld,
    /// A root is not signed by the broker's permit key.
    #[error("a root is not signed by its broker")]
    Forged,
    /// A root does not continue the one before it: another history.
    #[error("a root does not continue the one before it")]
    Forked,
    /// A root leaves permits out.
    #[error("a root leaves permits out")]
    Gap,
    /// A root and a permit of the same number differ.
    #[error("a root contradicts a permit")]
    Contradicted,
    /// A number was used twice.
    #[error("a permit's number was used before")]
    NumberReused,
    /// A root has a form that none can have.
    #[error("a root is malformed")]
    Malformed,
}

impl PermitFault {
    /// The kind of alarm, as metrics and evidence name it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Withheld => "permit_withheld",
            Self::Forged => "permit_root_forged",
            Self::Forked => "permit_root_forked",
            Self::Gap => "permit_root_gap",
            Self::Contradicted => "permit_contradicted",
            Self::NumberReused => "permit_number_reused",
            Self::Malformed => "permit_root_malformed",
        }
    }
}

/// Why a permit is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotAccepted {
    /// Too many wait for a root.
    Full,
    /// It comes so late that its leaf was forgotten: it is over.
    Late,
    /// The broker is at fault.
    Fault(PermitFault),
}

/// One epoch as its receiver saw it.
#[derive(Clone, Debug)]
pub struct Ledger {
    epoch: Epoch,
    /// Number of the last permit under a root.
    covered: u64,
    root: RootHash,
    /// Accepted, and not under a root: leaf and tick.
    open: BTreeMap<u64, (Leaf, u64)>,
    /// Under a root, and not come: leaf and tick.
    ahead: BTreeMap<u64, (Leaf, u64)>,
    /// Numbers up to this one are not in `ahead` any more, whether they came or not.
    forgotten: u64,
}

impl Ledger {
    /// An epoch that begins.
    pub fn new(epoch: Epoch) -> Self {
        let (open, ahead) = (BTreeMap::new(), BTreeMap::new());
        Self { epoch, covered: 0, root: NO_ROOT, open, ahead, forgotten: 0 }
    }

    /// Between whom, and which series.
    pub fn epoch(&self) -> &Epoch {
        &self.epoch
    }

    /// Takes a permit in that was verified otherwise.
    pub fn accept(&mut self, number: u64, leaf: Leaf, tick: u64) -> Result<(), NotAccepted> {
        if number > self.covered {
            if self.open.contains_key(&number) {
                return Err(NotAccepted::Fault(PermitFault::NumberReused));
            }
            if self.open.len() >= OPEN_MAX {
                return Err(NotAccepted::Full);
            }
            self.open.insert(number, (leaf, tick));
            return Ok(());
        }
        match self.ahead.remove(&number) {
            Some((told, _)) if told == leaf => Ok(()),
            Some(_) => Err(NotAccepted::Fault(PermitFault::Contradicted)),
            None if number > 0 && number <= self.forgotten => Err(NotAccepted::Late),
            None => Err(NotAccepted::Fault(PermitFault::NumberReused)),
        }
    }

    /// Takes a root in, signed under `public`; its hash.
    pub fn cover(&mut self, root: &PermitRoot, public: &[u8], tick: u64) -> Result<RootHash, PermitFault> {
        if root.epoch != self.epoch.id || root.leaves.len() > ROOT_LEAVES_MAX * LEAF {
            return Err(PermitFault::Malformed);
        }
        let hash = self.epoch.root(&root.previous, root.first, &root.leaves);
        let hash = hash.ok_or(PermitFault::Malformed)?;
        verify_root(public, &hash, &root.signature).map_err(|_| PermitFault::Forged)?;
        if root.first > self.covered + 1 {
            return Err(PermitFault::Gap);
        }
        if root.first <= self.covered || root.previous != self.root {
            return Err(PermitFault::Forked);
        }
        let (leaves, _) = root.leaves.as_chunks::<LEAF>();
        let numbers = root.first..;
        let told = |number| self.open.get(&number).map(|(leaf, _)| *leaf);
        if numbers.clone().zip(leaves).any(|(number, leaf)| told(number).is_some_and(|own| own != *leaf)) {
            return Err(PermitFault::Contradicted);
        }
        for (number, leaf) in numbers.zip(leaves) {
            self.covered = number;
            if self.open.remove(&number).is_none() {
                self.ahead.insert(number, (*leaf, tick));
            }
        }
        self.root = hash;
        self.forget(tick);
        Ok(hash)
    }

    /// Permits that no root proves yet.
    pub fn uncovered(&self) -> usize {
        self.open.len()
    }

    /// The tick of the oldest of them.
    pub fn oldest(&self) -> Option<u64> {
        self.open.values().map(|(_, tick)| *tick).min()
    }

    /// What is asked of the broker about this epoch.
    pub fn wanted(&self) -> WantedEpoch {
        WantedEpoch { epoch: self.epoch.id, covered: self.covered }
    }

    fn forget(&mut self, tick: u64) {
        while let Some(first) = self.ahead.first_entry() {
            let since = first.get().1;
            if self.ahead.len() <= AHEAD_MAX && since + AHEAD_TICKS >= tick {
                break;
            }
            if let Some((number, _)) = self.ahead.pop_first() {
                self.forgotten = number;
            }
        }
    }
}
