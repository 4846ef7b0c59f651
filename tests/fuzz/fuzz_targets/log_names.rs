//! A log's or a witness's key, and the name of a tile.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chukei_fuzz::log_names(bytes));
