//! The file of the platform's register.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chukei_fuzz::platform_file(bytes));
