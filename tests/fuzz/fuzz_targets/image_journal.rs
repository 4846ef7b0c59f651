//! A backup's chunk of the journal.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chukei_store::fuzzing::image_journal(bytes));
