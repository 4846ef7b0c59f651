//! The message `ImportBatch`.
#![no_main]

use chukei_wire::message::staff::ImportBatch;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chukei_fuzz::message::<ImportBatch>(bytes));
