//! The message `SelfInfoRequest`.
#![no_main]

use chukei_wire::message::self_info::SelfInfoRequest;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chukei_fuzz::message::<SelfInfoRequest>(bytes));
