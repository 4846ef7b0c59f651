//! The message `ReviewListRequest`.
#![no_main]

use chukei_wire::message::review::ReviewListRequest;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chukei_fuzz::message::<ReviewListRequest>(bytes));
