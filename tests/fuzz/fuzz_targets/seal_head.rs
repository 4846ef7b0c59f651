//! The head of a sealed body.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chukei_fuzz::seal_head(bytes));
