//! The portal as a process, against a broker and bodies played by the test: what it accepts, what it refuses, and
//! what never comes out of it. The real broker and node are met in the system tests.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod body;
mod broker;
mod commands;
mod notice;
mod own_information;
mod played_log;
mod records;
mod registry;
mod relay;
mod stage;
