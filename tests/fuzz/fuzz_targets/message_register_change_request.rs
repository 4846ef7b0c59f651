//! The message `RegisterChangeRequest`.
#![no_main]

use chukei_wire::message::register::RegisterChangeRequest;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chukei_fuzz::message::<RegisterChangeRequest>(bytes));
