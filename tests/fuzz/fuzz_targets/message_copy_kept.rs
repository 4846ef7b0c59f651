//! The message `CopyKept`.
#![no_main]

use chukei_wire::message::copies::CopyKept;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chukei_fuzz::message::<CopyKept>(bytes));
