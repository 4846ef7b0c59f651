//! The message `AuditVerifyRequest`.
#![no_main]

use chukei_wire::message::audit::AuditVerifyRequest;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chukei_fuzz::message::<AuditVerifyRequest>(bytes));
