//! The message `NoticeReceipt`.
#![no_main]

use chukei_wire::message::notice::NoticeReceipt;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chukei_fuzz::message::<NoticeReceipt>(bytes));
