//! The message `LogGapClaims`.
#![no_main]

use chukei_wire::message::log::LogGapClaims;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chukei_fuzz::message::<LogGapClaims>(bytes));
