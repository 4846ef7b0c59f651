//! The message `AuditSearchRequest`.
#![no_main]

use chukei_wire::message::audit::AuditSearchRequest;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chukei_fuzz::message::<AuditSearchRequest>(bytes));
