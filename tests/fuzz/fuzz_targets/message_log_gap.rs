//! The message `LogGap`.
#![no_main]

use chukei_wire::message::log::LogGap;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chukei_fuzz::message::<LogGap>(bytes));
