//! The message `RenewReply`.
#![no_main]

use chukei_wire::message::control::RenewReply;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chukei_fuzz::message::<RenewReply>(bytes));
