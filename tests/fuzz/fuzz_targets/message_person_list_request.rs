//! The message `PersonListRequest`.
#![no_main]

use chukei_wire::message::staff::PersonListRequest;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chukei_fuzz::message::<PersonListRequest>(bytes));
