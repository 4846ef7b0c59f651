//! The message `AuditSearchPage`.
#![no_main]

use chukei_wire::message::audit::AuditSearchPage;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chukei_fuzz::message::<AuditSearchPage>(bytes));
