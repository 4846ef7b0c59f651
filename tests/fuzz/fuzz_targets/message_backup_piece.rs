//! The message `BackupPiece`.
#![no_main]

use chukei_wire::message::backup::BackupPiece;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chukei_fuzz::message::<BackupPiece>(bytes));
