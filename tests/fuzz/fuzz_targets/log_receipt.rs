//! A receipt of a leaf in a log.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chukei_fuzz::log_receipt(bytes));
