//! The message `RegisterPage`.
#![no_main]

use chukei_wire::message::register::RegisterPage;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chukei_fuzz::message::<RegisterPage>(bytes));
