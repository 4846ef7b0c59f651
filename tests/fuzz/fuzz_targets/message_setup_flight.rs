//! The message `SetupFlight`.
#![no_main]

use chukei_wire::message::control::SetupFlight;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chukei_fuzz::message::<SetupFlight>(bytes));
