//! The message `ReviewSignRequest`.
#![no_main]

use chukei_wire::message::review::ReviewSignRequest;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chukei_fuzz::message::<ReviewSignRequest>(bytes));
