//! The message `UpkeepAnswer`.
#![no_main]

use chukei_wire::message::upkeep::UpkeepAnswer;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chukei_fuzz::message::<UpkeepAnswer>(bytes));
