//! The message `CopiesHeld`.
#![no_main]

use chukei_wire::message::copies::CopiesHeld;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chukei_fuzz::message::<CopiesHeld>(bytes));
