//! The PostgreSQL engine against real servers: who may use it, what isolates bodies, who owns them, and what is left
//! after servers and processes were killed. Skipped, and said so, where PostgreSQL is not installed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod basics;
mod failover;
mod failures;
mod fixture;
mod full_disk;
mod isolation;
mod journal;
mod leases;
mod proxy;
mod refusals;
