//! What the benchmarks stand on: paired rounds, order statistics, tables, and two authenticated ends on loopback.
//!
//! What must hold: a figure never stands alone. It is measured in rounds that alternate with rounds of a baseline
//! in the same run, and is given as a median with its spread. Deliberately absent: limits that a figure must meet
//! (a machine under other load would fail them) and results kept between runs.

pub mod child;
pub mod disk;
pub mod link;
pub mod load;
pub mod loading;
pub mod machine;
pub mod paired;
pub mod program;
pub mod progress;
pub mod stats;
pub mod table;

/// Why a benchmark broke off: nobody handles it, it is printed.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;
