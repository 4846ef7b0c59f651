//! The message `ExchangeEntry`.
#![no_main]

use chukei_wire::message::exchange::ExchangeEntry;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chukei_fuzz::message::<ExchangeEntry>(bytes));
