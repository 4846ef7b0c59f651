//! The two server roles of Chukei: `serve`, a node that hosts bodies, and `broker`, which routes and permits.
//!
//! What must hold: no read, write or delivery of a body's data without a scope and a decision (`access`); nothing
//! is acknowledged before it is durable; the broker uses `access`, `audit` and the store, and sees no content.
//! Deliberately absent: an HTTP API (the handlers know no transport), and any route between portal and node.

pub mod access;
pub mod acts;
pub mod admission;
pub mod app;
pub mod audit;
pub mod backup;
pub mod bodies;
pub mod broker;
pub mod checkpoints;
mod cli;
pub mod config;
pub mod engine_opener;
pub mod engines;
pub mod erasure;
pub mod evidence;
pub mod expiry;
pub mod home;
pub mod hop_files;
pub mod hosted;
pub mod identities;
pub mod inbound;
pub mod key_gate;
pub mod log_disk;
pub mod outbound;
pub mod outcome;
pub mod peer_list;
pub mod platform;
pub mod register;
pub mod renewal;
pub mod retention;
pub mod review;
pub mod rotation;
pub mod serve;
pub mod start;
pub mod supervise;
pub mod telemetry;
pub mod time_stamps;
pub mod undisclosed;
pub mod upkeep;
pub mod witness;

#[cfg(test)]
mod samples;

pub use cli::main;
