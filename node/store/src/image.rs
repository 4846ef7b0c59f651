//! Images: all rows of one body as they stood at one moment, taken while the body is served.
//!
//! Backups, moves to another engine and moves to another node are the same work: everything is copied page by page
//! while writes go on, what changed meanwhile is copied again in rounds that get shorter, and the last changes are
//! copied while writes wait for a moment ([`Pause::LIMIT`]). An image names rows and versions and holds sealed
//! values, as the partition does: no key is needed to take, check or put one back.
//!
//! What must hold: an image is wholly of one moment; a partition that is being filled is not served before it is
//! whole; one whose rows were moved away is never served or written again; what an image says is not believed before
//! its manifest's signature and every hash have been checked.

mod capture;
mod changes;
mod error;
mod files;
mod format;
mod importer;
mod manifest;
mod moving;
mod observed;
mod outgoing;
mod own_rows;
mod place;
mod set;

#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
#[cfg(test)]
mod tests;

pub use capture::{Capture, Captured, Page, Pause};
pub use error::ImageError;
pub use files::{ImageFile, ImageWriter};
pub use format::{Chunk, ChunkBuilder, Content, Record, Section};
pub use importer::Importer;
pub use manifest::{
    Base, ChunkSum, FileSums, JournalSpan, KeyringNeed, Manifest, SignedManifest, SpaceCount, SpaceCounts,
};
pub use moving::{
    Along, Moved, RowsAlone, Uncommitted, arrived, empty_old_place, give_away, given_away, move_rows,
};
pub use observed::{HeldWrites, Observed};
pub use outgoing::{Outgoing, Taken};
pub use own_rows::Restored;
pub use place::Place;
pub(crate) use place::check_engine;
pub use set::{BackupSet, Checked, check_chain};
