//! How far the logs are derived.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chukei_store::fuzzing::journal_checkpoint(bytes));
