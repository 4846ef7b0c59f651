//! The `chukei` binary against a node that stands in: output, exit status, and what a lost connection may do.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod answers;
mod custody;
mod files;
mod keys;
mod postgres;
mod reviews;
mod stand_in;
mod step_up;
mod token;
