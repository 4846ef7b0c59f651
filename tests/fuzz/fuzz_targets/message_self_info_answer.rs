//! The message `SelfInfoAnswer`.
#![no_main]

use chukei_wire::message::self_info::SelfInfoAnswer;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chukei_fuzz::message::<SelfInfoAnswer>(bytes));
