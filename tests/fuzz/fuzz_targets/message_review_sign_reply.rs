//! The message `ReviewSignReply`.
#![no_main]

use chukei_wire::message::review::ReviewSignReply;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chukei_fuzz::message::<ReviewSignReply>(bytes));
