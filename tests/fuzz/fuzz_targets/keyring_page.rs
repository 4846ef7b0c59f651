//! A sealed page of person keys.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chukei_fuzz::keyring_page(bytes));
