//! The message `AcquireReply`.
#![no_main]

use chukei_wire::message::control::AcquireReply;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chukei_fuzz::message::<AcquireReply>(bytes));
