//! The message `AuditStampsRequest`.
#![no_main]

use chukei_wire::message::audit::AuditStampsRequest;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chukei_fuzz::message::<AuditStampsRequest>(bytes));
