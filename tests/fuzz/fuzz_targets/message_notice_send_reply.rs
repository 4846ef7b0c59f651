//! The message `NoticeSendReply`.
#![no_main]

use chukei_wire::message::staff::NoticeSendReply;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chukei_fuzz::message::<NoticeSendReply>(bytes));
