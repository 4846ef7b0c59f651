//! The message `ExchangePage`.
#![no_main]

use chukei_wire::message::exchange::ExchangePage;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chukei_fuzz::message::<ExchangePage>(bytes));
