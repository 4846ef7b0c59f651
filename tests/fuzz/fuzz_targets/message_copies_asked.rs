//! The message `CopiesAsked`.
#![no_main]

use chukei_wire::message::copies::CopiesAsked;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chukei_fuzz::message::<CopiesAsked>(bytes));
