//! The message `EnrollBatch`.
#![no_main]

use chukei_wire::message::staff::EnrollBatch;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chukei_fuzz::message::<EnrollBatch>(bytes));
