//! The message `PolicySaid`.
#![no_main]

use chukei_wire::message::access::PolicySaid;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chukei_fuzz::message::<PolicySaid>(bytes));
