//! The message `ProvisionStatusRequest`.
#![no_main]

use chukei_wire::message::staff::ProvisionStatusRequest;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chukei_fuzz::message::<ProvisionStatusRequest>(bytes));
