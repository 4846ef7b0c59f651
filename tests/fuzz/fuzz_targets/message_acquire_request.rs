//! The message `AcquireRequest`.
#![no_main]

use chukei_wire::message::control::AcquireRequest;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chukei_fuzz::message::<AcquireRequest>(bytes));
