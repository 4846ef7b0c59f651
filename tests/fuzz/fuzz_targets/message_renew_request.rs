//! The message `RenewRequest`.
#![no_main]

use chukei_wire::message::control::RenewRequest;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chukei_fuzz::message::<RenewRequest>(bytes));
