//! The message `ReviewPage`.
#![no_main]

use chukei_wire::message::review::ReviewPage;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chukei_fuzz::message::<ReviewPage>(bytes));
