//! The power goes at any moment, and the disk keeps what it was made to keep and anything of the rest: every file of
//! the store opens again, with all that was acknowledged and nothing by halves.
//!
//! Needs `strace`, and for one of them PostgreSQL; where they are missing the tests say that they are skipped, and with `CHUKEI_REQUIRE_SERVICES=1` they
//! fail.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod bodies;
mod engines;
mod journal;
mod postgres;
mod small_files;
