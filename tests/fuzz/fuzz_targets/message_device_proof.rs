//! The message `DeviceProof`.
#![no_main]

use chukei_wire::message::control::DeviceProof;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chukei_fuzz::message::<DeviceProof>(bytes));
