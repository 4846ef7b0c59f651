//! The message `NoticeShowRequest`.
#![no_main]

use chukei_wire::message::staff::NoticeShowRequest;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chukei_fuzz::message::<NoticeShowRequest>(bytes));
