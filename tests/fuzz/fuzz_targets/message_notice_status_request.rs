//! The message `NoticeStatusRequest`.
#![no_main]

use chukei_wire::message::notice::NoticeStatusRequest;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chukei_fuzz::message::<NoticeStatusRequest>(bytes));
