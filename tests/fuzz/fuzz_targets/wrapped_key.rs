//! A keyring's wrapped key.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chukei_fuzz::wrapped_key(bytes));
