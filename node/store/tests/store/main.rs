//! The store from outside, through real files: what the seam promises and what must be refused.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod conformance;
mod crash;
#[path = "../postgres/fixture.rs"]
mod fixture;
mod folder;
mod frozen;
mod journal;
mod journal_logs;
mod model;
mod sled_files;
mod sqlite_faults;
mod stage;

mod sqlite_conformance {
    crate::conformance::conformance!(chukei_store::EngineKind::Sqlite);
}

mod sled_conformance {
    crate::conformance::conformance!(chukei_store::EngineKind::Sled);
}

mod postgres_conformance {
    crate::conformance::conformance!(chukei_store::EngineKind::Postgres);
}
