//! The message `ActRequest`.
#![no_main]

use chukei_wire::message::act::ActRequest;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chukei_fuzz::message::<ActRequest>(bytes));
