//! The message `CopyShowReply`.
#![no_main]

use chukei_wire::message::staff::CopyShowReply;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chukei_fuzz::message::<CopyShowReply>(bytes));
