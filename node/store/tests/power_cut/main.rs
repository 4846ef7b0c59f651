//! The power goes at any moment, and the disk keeps what it was made to keep and anything of the rest: every file of
//! the store opens again, with all that was acknowledged and nothing by halves.
//!
//! Needs `strace`; where it is missing the tests say that they are skipped, and with `CHUKEI_REQUIRE_SERVICES=1` they
//! fail.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod engines;
mod journal;
mod small_files;
