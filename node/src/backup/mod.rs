//! Backups of one body's rows and log, and moves of its rows: sealed as they are, under hashes that the body signs.
//!
//! What must hold: nothing here opens a value or needs a key but the identity that signs; a body's staff take a
//! backup of their own body and no other; putting one back and moving rows are operators' acts on the node itself.

pub mod command;
mod companions;
pub mod control;
mod create;
mod image;
pub(crate) mod kept;
pub(crate) mod moving;
pub(crate) mod outcome;
mod progress;
pub(crate) mod restore;

pub use create::create;

#[cfg(test)]
mod tests;
