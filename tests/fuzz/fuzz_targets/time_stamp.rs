//! A time stamp authority's reply.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chukei_fuzz::time_stamp(bytes));
