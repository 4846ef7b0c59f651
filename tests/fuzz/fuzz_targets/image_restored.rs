//! What a restore left for the log.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chukei_store::fuzzing::image_restored(bytes));
