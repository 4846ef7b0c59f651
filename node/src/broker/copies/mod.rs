//! Second copies: every entry of a broker's records, of its permits' evidence and of its memory as a witness lies at one other
//! broker too, within a second while the link is up.
//!
//! What must hold: copies are what is durable, in the order of its numbers, nothing twice and nothing left out, whatever is cut
//! or started again; they are acknowledged after the other's own sync; what is sealed stays sealed, so that whoever holds copies
//! opens none; what their owner has given up goes; copies of entries that their owner has lost are never continued by others. Nothing waits for a copy. Deliberately absent: keys, which have a standby
//! and backups of their own; a third place.

mod adopt;
mod ends;
mod hold;
mod places;
mod progress;
mod send;
mod serve;

pub use adopt::AdoptError;
pub(super) use adopt::before_start;
pub(super) use hold::Holder;
pub(super) use send::send;
pub(super) use serve::serve;

#[cfg(test)]
mod tests;
