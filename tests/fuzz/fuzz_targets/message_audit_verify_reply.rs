//! The message `AuditVerifyReply`.
#![no_main]

use chukei_wire::message::audit::AuditVerifyReply;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chukei_fuzz::message::<AuditVerifyReply>(bytes));
