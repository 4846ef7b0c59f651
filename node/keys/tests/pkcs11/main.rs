//! The PKCS #11 provider on a real token: SoftHSM 2, as Debian ships it.
//!
//! Where it is not installed the tests say that they are skipped; with `CHUKEI_REQUIRE_SERVICES=1` they fail.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "../conformance/mod.rs"]
mod conformance;
mod identities;
mod keys;
mod soft_token;
mod trouble;
