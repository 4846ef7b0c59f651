//! The message `ActNamed`.
#![no_main]

use chukei_wire::message::act::ActNamed;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chukei_fuzz::message::<ActNamed>(bytes));
