//! The log of one body (or of a broker): every decision, refusal, delivery and erasure, sealed under the owner's
//! keys and durable before what it allows happens.
//!
//! What must hold: sequence numbers are unbroken; a record names persons by internal ids only.

mod events;
mod log;
mod reading;

pub use events::{Told, Verdict};
pub use log::{AuditError, AuditLog, EntryKind};
pub use reading::{Verified, Walk};
