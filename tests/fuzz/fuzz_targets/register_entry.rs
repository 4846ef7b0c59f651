//! An entry of a register.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chukei_fuzz::register_entry(bytes));
