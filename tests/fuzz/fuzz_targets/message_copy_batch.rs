//! The message `CopyBatch`.
#![no_main]

use chukei_wire::message::copies::CopyBatch;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chukei_fuzz::message::<CopyBatch>(bytes));
