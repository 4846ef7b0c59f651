//! The log of one body, and the records of a broker: every decision, refusal, delivery and erasure, sealed under the owner's
//! keys and durable before what it allows happens.
//!
//! What must hold: sequence numbers are unbroken; a record names persons by internal ids only.

mod by;
mod chains;
mod coming;
mod doubts;
mod events;
mod examine;
mod gap;
mod keep;
mod leaf;
mod left_open;
mod log;
mod open;
mod reading;
mod reviews;
mod sealed_log;
mod search;
mod tree;
mod verify;

pub use by::By;
pub(crate) use chains::{Chain, ChainEnd, PAGE as CHAIN_PAGE, UnstoredChain};
pub(crate) use doubts::Doubts;
pub use events::{CallTold, Told, Verdict};
pub(crate) use gap::{Begun, GapTold};
pub use keep::Keep;
pub use log::{AuditError, AuditLog, EntryKind};
pub use open::{Ending, OpenPlace};
pub use reading::Walk;
pub use sealed_log::BadRecord;
pub(crate) use sealed_log::{SealedLog, ShownRecord};
pub(crate) use search::{Page, Question};
#[cfg(test)]
pub(crate) use tree::LogTree;
pub use tree::TreeError;
pub(crate) use tree::{FIRST_EPOCH, Grown, Unstored};
pub(crate) use verify::{HandedOut, Handout, Measure, PERSONS, Stands, StoredLog, TileFault};
pub use verify::{Unread, Verified};

#[cfg(test)]
pub(crate) mod samples;
#[cfg(test)]
mod tests;
