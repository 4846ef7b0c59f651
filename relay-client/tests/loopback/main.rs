//! The SDK over real QUIC on loopback, with certificates made for each test: who gets in, what a stream
//! accepts, links that come back, channels end to end.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod authority;
mod channel;
mod device;
mod dial;
mod factor;
mod foreign;
mod frames;
mod groups;
mod hello;
mod hop;
mod hostile;
mod limits;
mod permits;
mod renewal;
mod revocation;
mod session;
mod stage;
