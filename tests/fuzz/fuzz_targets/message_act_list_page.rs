//! The message `ActListPage`.
#![no_main]

use chukei_wire::message::act::ActListPage;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chukei_fuzz::message::<ActListPage>(bytes));
