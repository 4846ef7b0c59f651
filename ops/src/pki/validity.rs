//! For how long what the folder issues is valid.

use super::PkiError;

/// Days a hop certificate is valid unless the caller says otherwise.
pub const HOP_DAYS: u32 = 90;
/// Days a peer list is valid unless the caller says otherwise.
pub const PEERS_DAYS: u32 = 365;
/// Days a contractor's certificate is valid unless the caller says otherwise (R4).
pub const MAINTENANCE_DAYS: u32 = 30;
/// Days a revocation list is valid unless the caller says otherwise.
pub const CRL_DAYS: u32 = 7;
/// Longest validity of a certificate or a list, days.
pub const DAYS_MAX: u32 = 825;

/// From when and for how long something is valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validity {
    /// Time of issue, Unix milliseconds.
    pub now_ms: u64,
    /// Days from then, 1 to [`DAYS_MAX`].
    pub days: u32,
}

impl Validity {
    /// The usual validity of a hop certificate.
    pub fn hop(now_ms: u64) -> Self {
        Self { now_ms, days: HOP_DAYS }
    }

    /// The usual validity of a peer list.
    pub fn peers(now_ms: u64) -> Self {
        Self { now_ms, days: PEERS_DAYS }
    }

    /// The usual validity of a revocation list.
    pub fn crl(now_ms: u64) -> Self {
        Self { now_ms, days: CRL_DAYS }
    }

    /// The end, Unix milliseconds.
    pub(super) fn ends_ms(&self) -> Result<u64, PkiError> {
        let length_ms = u64::from(self.days) * 86_400_000;
        self.now_ms.checked_add(length_ms).ok_or(PkiError::Validity)
    }

    pub(super) fn check(&self) -> Result<(), PkiError> {
        if (1..=DAYS_MAX).contains(&self.days) { Ok(()) } else { Err(PkiError::Validity) }
    }
}
