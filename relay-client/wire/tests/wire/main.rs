//! Tests of the wire protocol: one byte form per value, total decoders, frozen bytes, an independent decoder.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod body_codes;
mod canonical;
mod differential;
mod frames;
mod frozen;
mod headers;
mod identities;
mod leaves;
mod padding;
mod samples;
mod secrecy;
