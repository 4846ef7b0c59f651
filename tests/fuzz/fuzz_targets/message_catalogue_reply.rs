//! The message `CatalogueReply`.
#![no_main]

use chukei_wire::message::staff::CatalogueReply;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| chukei_fuzz::message::<CatalogueReply>(bytes));
