//! Why a body takes no writes, shared by whoever finds out and whoever asks.

use std::sync::atomic::{AtomicU8, Ordering};

use crate::error::StoreError;
use crate::partition::WriteFault;

/// A [`WriteFault`] that is read without waiting.
#[derive(Debug, Default)]
pub(super) struct FaultCell(AtomicU8);

const FAULTS: [WriteFault; 6] = [
    WriteFault::DiskFull,
    WriteFault::ReadOnly,
    WriteFault::Disk,
    WriteFault::Corrupt,
    WriteFault::Unreachable,
    WriteFault::Fenced,
];

/// Damage that is being looked for: damage to whoever asks.
const LOOKED_FOR: u8 = u8::MAX;

impl FaultCell {
    pub(super) fn get(&self) -> Option<WriteFault> {
        fault_at(self.0.load(Ordering::Acquire))
    }

    /// Notes a fault. Damage stays what is known until it was looked for, and a lease that was lost stays lost.
    pub(super) fn met(&self, fault: WriteFault) {
        let place = FAULTS.iter().position(|one| *one == fault);
        let code = place.and_then(|place| u8::try_from(place + 1).ok()).unwrap_or(0);
        self.change(|now| {
            let lasts = match fault_at(now) {
                Some(WriteFault::Fenced) => true,
                Some(WriteFault::Corrupt) => !matches!(fault, WriteFault::Corrupt | WriteFault::Fenced),
                _ => false,
            };
            (!lasts).then_some(code)
        });
    }

    /// Notes that a write succeeded. Damage that a read met meanwhile, and a lease that was lost, are not over by that.
    pub(super) fn passed(&self) {
        self.change(|now| match fault_at(now) {
            None | Some(WriteFault::Corrupt | WriteFault::Fenced) => None,
            Some(_) => Some(0),
        });
    }

    /// Notes that damage is looked for from now on.
    pub(super) fn looks(&self) {
        self.change(|now| (fault_at(now) == Some(WriteFault::Corrupt)).then_some(LOOKED_FOR));
    }

    /// Notes that there is none, unless somebody has met some since [`FaultCell::looks`].
    pub(super) fn found_none(&self) {
        self.change(|now| (now == LOOKED_FOR).then_some(0));
    }

    fn change(&self, change: impl FnMut(u8) -> Option<u8>) {
        // Otherwise there is nothing to change.
        let _ = self.0.fetch_update(Ordering::AcqRel, Ordering::Acquire, change);
    }
}

fn fault_at(code: u8) -> Option<WriteFault> {
    if code == LOOKED_FOR {
        return Some(WriteFault::Corrupt);
    }
    usize::from(code).checked_sub(1).and_then(|place| FAULTS.get(place)).copied()
}

/// What a failure that kept batches from being written says about the next ones; `None` for one that is over when it
/// is told.
pub(super) fn fault_of(error: &StoreError) -> Option<WriteFault> {
    Some(match error {
        StoreError::DiskFull => WriteFault::DiskFull,
        StoreError::ReadOnly => WriteFault::ReadOnly,
        StoreError::Corrupt | StoreError::NewerFormat | StoreError::WrongPartition => WriteFault::Corrupt,
        StoreError::Fenced => WriteFault::Fenced,
        StoreError::Io(_) | StoreError::Stopped => WriteFault::Disk,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::{FAULTS, FaultCell};
    use crate::partition::WriteFault;

    #[test]
    fn sqlite_fault_cell_gives_back_what_it_was_given() {
        assert_eq!(FaultCell::default().get(), None);
        for fault in FAULTS {
            let cell = FaultCell::default();
            cell.met(fault);
            assert_eq!(cell.get(), Some(fault));
        }
    }

    #[test]
    fn sqlite_fault_of_the_disk_passes_and_damage_does_not() {
        let cell = FaultCell::default();
        cell.met(WriteFault::DiskFull);
        cell.passed();
        assert_eq!(cell.get(), None);
        for lasting in [WriteFault::Corrupt, WriteFault::Fenced] {
            cell.met(lasting);
            cell.passed();
            cell.met(WriteFault::DiskFull);
            assert_eq!(cell.get(), Some(lasting), "not hidden behind what will pass");
            cell.passed();
            assert_eq!(cell.get(), Some(lasting));
        }
        cell.met(WriteFault::Corrupt);
        assert_eq!(cell.get(), Some(WriteFault::Fenced));
    }

    #[test]
    fn sqlite_fault_of_damage_is_over_only_when_it_was_looked_for_and_not_met_meanwhile() {
        let cell = FaultCell::default();
        cell.met(WriteFault::Corrupt);
        cell.found_none();
        assert_eq!(cell.get(), Some(WriteFault::Corrupt), "nobody has looked");
        for met_meanwhile in [true, false] {
            cell.looks();
            assert_eq!(cell.get(), Some(WriteFault::Corrupt));
            if met_meanwhile {
                cell.met(WriteFault::Corrupt);
            }
            cell.found_none();
            assert_eq!(cell.get().is_some(), met_meanwhile);
        }
    }
}
