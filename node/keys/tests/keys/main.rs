//! Providers and keyring files from outside, through real files: what they promise and what must be refused.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod keyring_file;
mod stage;
