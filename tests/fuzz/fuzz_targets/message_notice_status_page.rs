//! The message `NoticeStatusPage`.
#![no_main]

use chukei_wire::message::notice::NoticeStatusPage;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chukei_fuzz::message::<NoticeStatusPage>(bytes));
