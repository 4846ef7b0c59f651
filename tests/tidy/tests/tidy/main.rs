//! The repository keeps its own rules: one test binary, one module per kind of rule.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod advisories;
mod alerts;
mod fuzzing;
mod layers;
mod licences;
mod manifests;
mod providers;
mod repository;
mod sources;
mod upkeep;
