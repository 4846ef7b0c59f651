//! The review queue (R7): which operations open an item for a reviewer, what an item says, and how it is signed off.
//!
//! What must hold: the state kept of each identity is bounded, and so is the queue; operations of one kind, identity
//! and day are one item until it is signed; what does not fit is counted, and an item says so. An item names
//! identities, actions and policies, never a person whose data it was. Deliberately absent: clocks, rows, keys, and
//! who may review.

mod item;
mod note;
mod queue;
mod rule;
mod watch;

pub use item::{ACTORS_MAX, ITEM_MAX, Item, Signature, VERSION, WORDS_MAX};
pub use note::{NOTE_MAX, check_note};
pub use queue::{Merged, OPEN_MAX, Queue, SignRefusal};
pub use rule::{Decided, Findings, LimitError, Limits, Observation, OfficeHours, Rule};
pub use watch::{IDENTITIES_MAX, WINDOW_MS, Watch};

#[cfg(test)]
mod tests;
