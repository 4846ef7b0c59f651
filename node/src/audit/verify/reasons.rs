//! What is wrong with a record that is not what is due at its number.
//!
//! What must hold: looking for the reason is bounded; where none is found the record was altered.

use chukei_store::journal::JournalError;
use chukei_wire::message::audit::LogFault;

use super::Unread;
use crate::audit::sealed_log::SealedLog;

/// Entries among which one that is missing is looked for.
const LOOK_AMONG: usize = 16_384;
/// Numbers at which an entry that does not open is tried, in both directions.
const TRY_AROUND: u64 = 1_024;

/// Of an entry that cannot be read. I/O that may work later says nothing.
pub(super) fn of_error(log: &SealedLog, error: &JournalError) -> Result<LogFault, Unread> {
    match error {
        JournalError::OutOfOrder { due, found } if found < due => Ok(LogFault::Duplicated),
        JournalError::OutOfOrder { due, .. } => {
            let elsewhere = log.numbers_near(*due, LOOK_AMONG).contains(due);
            Ok(if elsewhere { LogFault::Reordered } else { LogFault::Missing })
        }
        // No file has this name: there is none.
        JournalError::CorruptLog { first: 0, .. } => Ok(LogFault::Missing),
        JournalError::Corrupt { .. } | JournalError::CorruptLog { .. } => Ok(LogFault::Altered),
        JournalError::NotInSequence => Ok(LogFault::Missing),
        JournalError::Io(error) if is_gone(error.kind()) => Ok(LogFault::Missing),
        _ => Err(Unread::NotNow),
    }
}

fn is_gone(kind: std::io::ErrorKind) -> bool {
    matches!(kind, std::io::ErrorKind::NotFound | std::io::ErrorKind::UnexpectedEof)
}

/// Of an entry that is there with the number `due` and does not open as it.
pub(super) fn of_unopened(log: &SealedLog, due: u64) -> LogFault {
    let opens_as = |number: u64, wanted: u64| {
        let entry = log.entries(number).next().and_then(Result::ok);
        entry.is_some_and(|entry| entry.seq == number && log.opens_as(wanted, entry.sealed))
    };
    let before = due.saturating_sub(TRY_AROUND).max(1)..due;
    if before.rev().any(|number| opens_as(due, number)) {
        return LogFault::Duplicated;
    }
    let behind = due.saturating_add(1)..=due.saturating_add(TRY_AROUND);
    match behind.into_iter().find(|number| opens_as(due, *number)) {
        Some(number) if opens_as(number, due) => LogFault::Reordered,
        Some(_) => LogFault::Missing,
        None => LogFault::Altered,
    }
}
