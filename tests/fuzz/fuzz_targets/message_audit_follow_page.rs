//! The message `AuditFollowPage`.
#![no_main]

use chukei_wire::message::audit::AuditFollowPage;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chukei_fuzz::message::<AuditFollowPage>(bytes));
