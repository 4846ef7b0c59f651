//! Requests that reach bodies from the portal, through brokers: channel set-up, own information and the records about a
//! person.
//!
//! What must hold: nothing is opened before the permit is verified; nothing leaves before it is authorised in the
//! log; every mismatch stops the channel and alarms (R35).

pub mod answer;
pub mod hop;
pub mod job;
pub mod outcomes;
pub mod permits;
pub mod records;
pub mod release;
pub mod self_info;
pub mod setup;
pub mod streams;
pub mod subject;
pub mod taken;
