//! What is kept of a notice.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chukei_fuzz::notice_content(bytes));
