//! The message `RegisterShowRequest`.
#![no_main]

use chukei_wire::message::register::RegisterShowRequest;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chukei_fuzz::message::<RegisterShowRequest>(bytes));
