//! The message `BackupBegun`.
#![no_main]

use chukei_wire::message::backup::BackupBegun;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chukei_fuzz::message::<BackupBegun>(bytes));
