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

impl FaultCell {
    pub(super) fn get(&self) -> Option<WriteFault> {
        let code = usize::from(self.0.load(Ordering::Acquire));
        code.checked_sub(1).and_then(|place| FAULTS.get(place)).copied()
    }

    pub(super) fn set(&self, fault: Option<WriteFault>) {
        let place = fault.and_then(|fault| FAULTS.iter().position(|one| *one == fault));
        let code = place.and_then(|place| u8::try_from(place + 1).ok()).unwrap_or(0);
        self.0.store(code, Ordering::Release);
    }

    /// Notes that a write succeeded. Damage that a read met meanwhile, and a lease that was lost, are not over by that.
    pub(super) fn passed(&self) {
        let over = |code: u8| (code != 0 && !lasting(code)).then_some(0);
        // Otherwise there is nothing to change.
        let _ = self.0.fetch_update(Ordering::AcqRel, Ordering::Acquire, over);
    }

    /// Notes that stored pages are damaged.
    pub(super) fn damaged(&self) {
        if self.get() != Some(WriteFault::Fenced) {
            self.set(Some(WriteFault::Corrupt));
        }
    }
}

fn lasting(code: u8) -> bool {
    let fault = usize::from(code).checked_sub(1).and_then(|place| FAULTS.get(place));
    matches!(fault, Some(WriteFault::Corrupt | WriteFault::Fenced))
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
        let cell = FaultCell::default();
        assert_eq!(cell.get(), None);
        for fault in FAULTS {
            cell.set(Some(fault));
            assert_eq!(cell.get(), Some(fault));
        }
        cell.set(None);
        assert_eq!(cell.get(), None);
    }

    #[test]
    fn sqlite_fault_of_the_disk_passes_and_damage_does_not() {
        let cell = FaultCell::default();
        cell.set(Some(WriteFault::DiskFull));
        cell.passed();
        assert_eq!(cell.get(), None);
        for lasting in [WriteFault::Corrupt, WriteFault::Fenced] {
            cell.set(Some(lasting));
            cell.passed();
            cell.damaged();
            assert_eq!(cell.get(), Some(lasting));
        }
    }
}
