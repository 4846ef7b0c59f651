//! The part of an event that its person may see.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chukei_fuzz::person_part(bytes));
