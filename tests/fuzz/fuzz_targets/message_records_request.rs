//! The message `RecordsRequest`.
#![no_main]

use chukei_wire::message::records::RecordsRequest;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chukei_fuzz::message::<RecordsRequest>(bytes));
