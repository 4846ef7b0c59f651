//! A backup's signed manifest.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chukei_store::fuzzing::image_manifest(bytes));
