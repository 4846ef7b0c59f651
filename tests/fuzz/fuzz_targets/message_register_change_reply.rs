//! The message `RegisterChangeReply`.
#![no_main]

use chukei_wire::message::register::RegisterChangeReply;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chukei_fuzz::message::<RegisterChangeReply>(bytes));
