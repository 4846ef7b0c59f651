//! The message `RootsWanted`.
#![no_main]

use chukei_wire::message::control::RootsWanted;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chukei_fuzz::message::<RootsWanted>(bytes));
