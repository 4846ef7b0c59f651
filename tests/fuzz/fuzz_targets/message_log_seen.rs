//! The message `LogSeen`.
#![no_main]

use chukei_wire::message::log::LogSeen;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chukei_fuzz::message::<LogSeen>(bytes));
