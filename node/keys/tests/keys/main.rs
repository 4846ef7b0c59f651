//! Providers and keyring files from outside, through real files: what they promise and what must be refused.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "../conformance/mod.rs"]
mod conformance;
mod crash;
mod files;
mod keyring_file;
mod old_copies;
mod power_cut;
mod properties;
mod rotation;
mod settings;
mod stage;
mod standby;
