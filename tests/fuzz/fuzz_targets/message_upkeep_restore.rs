//! The message `UpkeepRestore`.
#![no_main]

use chukei_wire::message::upkeep::UpkeepRestore;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chukei_fuzz::message::<UpkeepRestore>(bytes));
