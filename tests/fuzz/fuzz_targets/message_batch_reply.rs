//! The message `BatchReply`.
#![no_main]

use chukei_wire::message::staff::BatchReply;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chukei_fuzz::message::<BatchReply>(bytes));
