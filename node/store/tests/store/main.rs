//! The store from outside, through real files: what the seam promises and what must be refused.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod conformance;
mod crash;
mod folder;
mod frozen;
mod journal;
mod journal_logs;
mod model;
mod sled_files;
mod sqlite_faults;
mod stage;

mod sqlite_conformance {
    use crate::stage::Stage;
    crate::conformance::conformance!(async { Some(Stage::embedded(chukei_store::EngineKind::Sqlite)) });
}

mod sled_conformance {
    use crate::stage::Stage;
    crate::conformance::conformance!(async { Some(Stage::embedded(chukei_store::EngineKind::Sled)) });
}
