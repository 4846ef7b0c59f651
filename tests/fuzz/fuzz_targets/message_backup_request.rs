//! The message `BackupRequest`.
#![no_main]

use chukei_wire::message::backup::BackupRequest;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chukei_fuzz::message::<BackupRequest>(bytes));
