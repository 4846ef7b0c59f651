//! An opening of a leaf.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chukei_fuzz::log_opening(bytes));
