//! The message `UpkeepVerify`.
#![no_main]

use chukei_wire::message::upkeep::UpkeepVerify;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chukei_fuzz::message::<UpkeepVerify>(bytes));
