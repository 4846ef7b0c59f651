//! The message `ProvisionStatusReply`.
#![no_main]

use chukei_wire::message::staff::ProvisionStatusReply;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chukei_fuzz::message::<ProvisionStatusReply>(bytes));
