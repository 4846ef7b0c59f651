//! Entries of a block of the journal.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chukei_store::fuzzing::journal_block(bytes));
