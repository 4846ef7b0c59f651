//! Dynamic access control (動的アクセス制御, R4–R6): whether one operation may be done, decided from facts by policies.
//!
//! What must hold: the caller's typed checks (which body an identity may enter) come first, and nothing here widens
//! them. What no policy permits is refused; what cannot be evaluated is refused; a body's own policies only take away.
//! An outcome that comes from a table or from memory is the one that Cedar gives for these very facts.
//! Deliberately absent: sockets, files, clocks, and whoever finds the facts out.

mod attribute;
pub mod book;
pub mod error;
mod evaluation;
pub mod explain;
pub mod facts;
mod front;
pub mod limits;
mod memory;
pub mod policies;
mod question;
mod reading;
mod rule;
mod shelf;
mod table;
mod text;
mod usage;
pub mod verdict;
mod vocabulary;

pub use book::PolicyBook;
pub use facts::Facts;
pub use verdict::{Outcome, Verdict};
