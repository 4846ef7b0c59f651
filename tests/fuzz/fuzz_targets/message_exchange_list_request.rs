//! The message `ExchangeListRequest`.
#![no_main]

use chukei_wire::message::staff::ExchangeListRequest;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chukei_fuzz::message::<ExchangeListRequest>(bytes));
