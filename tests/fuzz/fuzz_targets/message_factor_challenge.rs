//! The message `FactorChallenge`.
#![no_main]

use chukei_wire::message::factor::FactorChallenge;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chukei_fuzz::message::<FactorChallenge>(bytes));
