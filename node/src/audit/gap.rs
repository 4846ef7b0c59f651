//! With which record an epoch of a log began, and the event that tells that two persons let it go on (R43).

use chukei_domain::event::Event;

use crate::audit::log::{AuditError, AuditLog, Draft, EntryKind};

/// Entries looked at together, from the end of the log backwards.
const BLOCK: u64 = 4_096;

/// The beginning of an epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Begun {
    /// Number of the record that tells of the restore.
    pub(crate) first: u64,
    /// SHA-256 of the manifest of the backup.
    pub(crate) backup: [u8; 32],
}

/// What is told of it.
pub(crate) struct GapTold {
    pub(crate) epoch_ms: u64,
    pub(crate) first: u64,
    pub(crate) backup: [u8; 32],
    pub(crate) witnessed: u64,
    pub(crate) requested_by: String,
    pub(crate) approved_by: String,
}

impl AuditLog {
    /// The beginning of this epoch, in what is kept of the log. Only entries of its kind are opened; it is looked for from
    /// the end. Blocking file I/O.
    pub(crate) fn begun(&self, epoch_ms: u64) -> Option<Begun> {
        let kept = self.records.first_number();
        let mut end = self.last_number().checked_add(1)?;
        while end > kept {
            let from = end.saturating_sub(BLOCK).max(kept);
            let entries = self.entries(from).map_while(Result::ok).take_while(|entry| entry.seq < end);
            let restored = |kind: u8, at_ms: u64| kind == EntryKind::Restored as u8 && at_ms == epoch_ms;
            let mut found = entries.filter(|entry| restored(entry.kind, entry.at_ms));
            if let Some(entry) = found.next() {
                let record = self.records.open(entry).ok()?;
                let Event::LogRestored { backup, .. } = record.event else { return None };
                return Some(Begun { first: record.seq, backup });
            }
            end = from;
        }
        None
    }

    /// Two persons have decided that the log goes on after a restore.
    pub(crate) async fn log_gap(&self, actor: &str, told: GapTold, now_ms: u64) -> Result<(), AuditError> {
        let GapTold { epoch_ms, first, backup, witnessed, requested_by, approved_by } = told;
        let event = Event::LogGap { epoch_ms, first, backup, witnessed, requested_by, approved_by };
        self.write(Draft::done(actor, "log_gap", event), now_ms).await
    }
}
