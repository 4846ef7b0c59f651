//! The log of one body, and the records of a broker: every decision, refusal, delivery and erasure, sealed under the owner's
//! keys and durable before what it allows happens.
//!
//! What must hold: sequence numbers are unbroken; a record names persons by internal ids only.

mod by;
mod events;
mod log;
mod reading;
mod reviews;
mod sealed_log;

pub use by::By;
pub use events::{CallTold, Told, Verdict};
pub use log::{AuditError, AuditLog, EntryKind};
pub use reading::{Verified, Walk};
pub use sealed_log::BadRecord;
pub(crate) use sealed_log::SealedLog;

#[cfg(test)]
mod tests;
