//! The file of a catalogue.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chukei_fuzz::catalogue_file(bytes));
