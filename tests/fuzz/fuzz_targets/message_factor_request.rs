//! The message `FactorRequest`.
#![no_main]

use chukei_wire::message::factor::FactorRequest;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chukei_fuzz::message::<FactorRequest>(bytes));
