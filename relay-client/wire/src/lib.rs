//! Chukei wire protocol v1, sans-IO: headers, frames, messages, limits and result names.
//!
//! What must hold: one value has exactly one byte form; every decoder is total (an error, never a panic) and
//! bounded by [`limits`]. Deliberately absent: sockets, clocks, randomness, keys.

pub mod body_code;
pub mod codec;
pub mod frame;
pub mod header;
pub mod id;
pub mod identity;
pub mod leave;
pub mod limits;
pub mod message;
pub mod name;
pub mod padding;
pub mod permit;
pub mod result;
