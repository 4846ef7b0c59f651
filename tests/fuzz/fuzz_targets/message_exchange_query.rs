//! The message `ExchangeQuery`.
#![no_main]

use chukei_wire::message::exchange::ExchangeQuery;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chukei_fuzz::message::<ExchangeQuery>(bytes));
