//! The summary of a segment.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chukei_store::fuzzing::journal_summary(bytes));
