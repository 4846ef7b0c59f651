//! The message `PersonUndiscloseRequest`.
#![no_main]

use chukei_wire::message::staff::PersonUndiscloseRequest;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chukei_fuzz::message::<PersonUndiscloseRequest>(bytes));
