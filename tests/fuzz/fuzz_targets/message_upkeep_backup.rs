//! The message `UpkeepBackup`.
#![no_main]

use chukei_wire::message::upkeep::UpkeepBackup;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chukei_fuzz::message::<UpkeepBackup>(bytes));
