//! The message `KeysRotateRequest`.
#![no_main]

use chukei_wire::message::keys::KeysRotateRequest;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chukei_fuzz::message::<KeysRotateRequest>(bytes));
