//! The message `AuditFollowRequest`.
#![no_main]

use chukei_wire::message::audit::AuditFollowRequest;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chukei_fuzz::message::<AuditFollowRequest>(bytes));
