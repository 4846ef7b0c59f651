//! The message `ActPiece`.
#![no_main]

use chukei_wire::message::act::ActPiece;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chukei_fuzz::message::<ActPiece>(bytes));
