//! An item of sled's.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chukei_store::fuzzing::sled_item(bytes));
