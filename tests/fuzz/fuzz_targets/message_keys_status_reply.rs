//! The message `KeysStatusReply`.
#![no_main]

use chukei_wire::message::keys::KeysStatusReply;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chukei_fuzz::message::<KeysStatusReply>(bytes));
