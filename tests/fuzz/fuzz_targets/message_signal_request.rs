//! The message `SignalRequest`.
#![no_main]

use chukei_wire::message::access::SignalRequest;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chukei_fuzz::message::<SignalRequest>(bytes));
