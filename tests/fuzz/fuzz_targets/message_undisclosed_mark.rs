//! The message `UndisclosedMark`.
#![no_main]

use chukei_wire::message::exchange::UndisclosedMark;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chukei_fuzz::message::<UndisclosedMark>(bytes));
