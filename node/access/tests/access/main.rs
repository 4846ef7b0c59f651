//! Decisions of the shipped policies and of bodies' own, against Cedar itself and against a model of the rules.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod change;
mod explained;
mod made;
mod malformed;
mod model;
mod oracle;
mod own;
mod properties;
mod random_policies;
mod shipped;
