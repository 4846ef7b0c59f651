//! The message `TimeReply`.
#![no_main]

use chukei_wire::message::control::TimeReply;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chukei_fuzz::message::<TimeReply>(bytes));
