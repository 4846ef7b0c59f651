//! The message `ExplainRequest`.
#![no_main]

use chukei_wire::message::access::ExplainRequest;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chukei_fuzz::message::<ExplainRequest>(bytes));
