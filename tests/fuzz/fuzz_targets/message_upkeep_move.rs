//! The message `UpkeepMove`.
#![no_main]

use chukei_wire::message::upkeep::UpkeepMove;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chukei_fuzz::message::<UpkeepMove>(bytes));
