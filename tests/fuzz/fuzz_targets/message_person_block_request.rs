//! The message `PersonBlockRequest`.
#![no_main]

use chukei_wire::message::staff::PersonBlockRequest;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chukei_fuzz::message::<PersonBlockRequest>(bytes));
