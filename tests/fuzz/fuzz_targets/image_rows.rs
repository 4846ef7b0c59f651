//! A backup's chunk of rows.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chukei_store::fuzzing::image_rows(bytes));
