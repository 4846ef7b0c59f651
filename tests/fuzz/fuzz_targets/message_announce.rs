//! The message `Announce`.
#![no_main]

use chukei_wire::message::control::Announce;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chukei_fuzz::message::<Announce>(bytes));
