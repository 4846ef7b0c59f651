//! The message `NoticeShowPage`.
#![no_main]

use chukei_wire::message::staff::NoticeShowPage;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chukei_fuzz::message::<NoticeShowPage>(bytes));
