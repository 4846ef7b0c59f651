//! The head of a sealed keyring.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chukei_fuzz::keyring_head(bytes));
