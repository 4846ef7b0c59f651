//! The message `DelegationClaims`.
#![no_main]

use chukei_wire::message::control::DelegationClaims;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chukei_fuzz::message::<DelegationClaims>(bytes));
