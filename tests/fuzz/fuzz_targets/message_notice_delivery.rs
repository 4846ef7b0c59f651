//! The message `NoticeDelivery`.
#![no_main]

use chukei_wire::message::notice::NoticeDelivery;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chukei_fuzz::message::<NoticeDelivery>(bytes));
