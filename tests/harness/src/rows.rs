//! Fictitious copy rows from a fixed seed, with bad rows of every kind, and what must become of each.
//!
//! What must hold: the expectation is written down while a row is made, never read back from the system. Sources
//! of variety are the catalogue's item types, both encodings, both headers, updates, deletions, records that are
//! not yet or no longer published, and two records that share a place.

mod bad;
mod expectation;
mod file;
mod generator;
mod value;

pub use expectation::{ExpectedItem, ExpectedResult, ImportExpectation, Truth};
pub use file::{Encoding, RowFile};
pub use generator::{BodyRows, Generator};
