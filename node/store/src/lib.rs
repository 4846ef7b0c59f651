//! Where a node keeps what it holds: one partition of rows per body, and one journal per data folder.
//!
//! What must hold: nothing is acknowledged before a real fsync; a batch is there wholly or not at all; a file
//! of another body, of a newer format or with damage in its middle is refused. Values are sealed before they
//! come here: this crate sees names that say nothing and ciphertext, and knows no key. It says where a keyring lies
//! and how a file is replaced or destroyed durably; what is in it is the business of `chukei-keys`.

pub mod batch;
pub mod durable_file;
pub mod engine;
pub mod error;
pub mod folder;
pub mod image;
pub mod journal;
pub mod keyring_place;
pub mod partition;
pub mod postgres;
pub mod reading;
pub mod row;

#[cfg(feature = "fuzzing")]
pub mod fuzzing;

mod commit_queue;
mod hold;
mod lock_file;
mod sled;
mod sqlite;
mod sync_all;
mod turns;

pub use batch::Batch;
pub use engine::{Engine, EngineKind};
pub use error::StoreError;
pub use folder::DataFolder;
pub use journal::{
    Entry, GivenUp, Journal, JournalEntry, JournalError, JournalOptions, JournalStatus, Recovered, Slack,
};
pub use partition::{BoxFuture, Compacted, Partition, Rows, Usage, Versioned, WriteFault};
pub use postgres::{PostgresEngine, PostgresOptions, PostgresRefusal};
pub use reading::Reading;
pub use row::{RowKey, Space};
pub use sled::SledOptions;
pub use sqlite::SqliteOptions;
