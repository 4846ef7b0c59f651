//! A log's signed checkpoint.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chukei_fuzz::log_checkpoint(bytes));
