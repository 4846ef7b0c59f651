//! The message `NoticeListPage`.
#![no_main]

use chukei_wire::message::staff::NoticeListPage;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chukei_fuzz::message::<NoticeListPage>(bytes));
