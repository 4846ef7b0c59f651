//! The message `LogHead`.
#![no_main]

use chukei_wire::message::log::LogHead;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chukei_fuzz::message::<LogHead>(bytes));
