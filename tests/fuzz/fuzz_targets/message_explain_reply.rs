//! The message `ExplainReply`.
#![no_main]

use chukei_wire::message::access::ExplainReply;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chukei_fuzz::message::<ExplainReply>(bytes));
