//! The message `NoticeListRequest`.
#![no_main]

use chukei_wire::message::staff::NoticeListRequest;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chukei_fuzz::message::<NoticeListRequest>(bytes));
