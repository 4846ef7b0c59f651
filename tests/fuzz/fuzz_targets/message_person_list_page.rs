//! The message `PersonListPage`.
#![no_main]

use chukei_wire::message::staff::PersonListPage;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chukei_fuzz::message::<PersonListPage>(bytes));
