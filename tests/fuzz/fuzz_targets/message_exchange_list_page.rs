//! The message `ExchangeListPage`.
#![no_main]

use chukei_wire::message::staff::ExchangeListPage;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chukei_fuzz::message::<ExchangeListPage>(bytes));
