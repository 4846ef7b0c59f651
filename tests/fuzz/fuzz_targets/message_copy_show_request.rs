//! The message `CopyShowRequest`.
#![no_main]

use chukei_wire::message::staff::CopyShowRequest;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chukei_fuzz::message::<CopyShowRequest>(bytes));
