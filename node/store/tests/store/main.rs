//! The store from outside, through real files: what the seam promises and what must be refused.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod conformance;
mod crash;
mod folder;
mod frozen;
mod journal;
mod journal_logs;
mod model;
