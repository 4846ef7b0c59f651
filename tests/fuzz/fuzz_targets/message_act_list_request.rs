//! The message `ActListRequest`.
#![no_main]

use chukei_wire::message::act::ActListRequest;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chukei_fuzz::message::<ActListRequest>(bytes));
