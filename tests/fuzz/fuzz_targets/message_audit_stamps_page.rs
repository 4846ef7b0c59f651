//! The message `AuditStampsPage`.
#![no_main]

use chukei_wire::message::audit::AuditStampsPage;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chukei_fuzz::message::<AuditStampsPage>(bytes));
