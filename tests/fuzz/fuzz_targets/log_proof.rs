//! A proof of inclusion or consistency.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chukei_fuzz::log_proof(bytes));
