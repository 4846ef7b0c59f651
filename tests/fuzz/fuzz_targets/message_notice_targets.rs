//! The message `NoticeTargets`.
#![no_main]

use chukei_wire::message::staff::NoticeTargets;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chukei_fuzz::message::<NoticeTargets>(bytes));
