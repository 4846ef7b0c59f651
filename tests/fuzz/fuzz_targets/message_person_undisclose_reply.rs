//! The message `PersonUndiscloseReply`.
#![no_main]

use chukei_wire::message::staff::PersonUndiscloseReply;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chukei_fuzz::message::<PersonUndiscloseReply>(bytes));
