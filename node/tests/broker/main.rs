//! The broker through real QUIC: a node and a portal of the tests' own on either side of it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod codes;
mod keys;
mod limits;
mod log_witness;
mod misuse;
mod passage;
mod peers;
mod records;
mod roots;
mod second_copies;
mod stage;
mod time;
mod two_brokers;
