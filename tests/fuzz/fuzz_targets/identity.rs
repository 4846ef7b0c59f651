//! An identity as it stands in a certificate.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chukei_fuzz::identity(bytes));
