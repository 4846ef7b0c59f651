//! The record of an erasure.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chukei_fuzz::erasure_record(bytes));
