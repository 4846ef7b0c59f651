//! The message `PermitRoot`.
#![no_main]

use chukei_wire::message::control::PermitRoot;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chukei_fuzz::message::<PermitRoot>(bytes));
