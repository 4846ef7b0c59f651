//! The message `ExportItem`.
#![no_main]

use chukei_wire::message::audit::ExportItem;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chukei_fuzz::message::<ExportItem>(bytes));
