//! A stream of frames: heads and payloads until the first refusal, each of which has one form.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chukei_fuzz::frame_stream(bytes));
