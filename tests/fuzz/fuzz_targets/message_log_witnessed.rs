//! The message `LogWitnessed`.
#![no_main]

use chukei_wire::message::log::LogWitnessed;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chukei_fuzz::message::<LogWitnessed>(bytes));
