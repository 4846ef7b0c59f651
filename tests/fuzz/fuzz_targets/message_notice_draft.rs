//! The message `NoticeDraft`.
#![no_main]

use chukei_wire::message::staff::NoticeDraft;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chukei_fuzz::message::<NoticeDraft>(bytes));
