//! The message `RecordsReply`.
#![no_main]

use chukei_wire::message::records::RecordsReply;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chukei_fuzz::message::<RecordsReply>(bytes));
