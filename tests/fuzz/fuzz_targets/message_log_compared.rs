//! The message `LogCompared`.
#![no_main]

use chukei_wire::message::log::LogCompared;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chukei_fuzz::message::<LogCompared>(bytes));
