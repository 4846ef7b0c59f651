//! Power cuts without pulling a plug: the file calls of a process are recorded, and the disk is rebuilt as it may
//! have been found after a cut at any of them.
//!
//! A test starts itself anew as a child under `strace` ([`record`]), and with it every process that it starts, such as
//! a database's server; the text becomes calls ([`call`]), these become steps on one folder ([`files`]), and the steps feed a disk ([`disk`]) that keeps only what was synced and, of the
//! rest, whatever a cut leaves ([`cut`]). [`trial`] puts the folder back on a real disk and hands it to the test.
//!
//! What must hold: the disk of the model promises no more than POSIX does. A file's bytes and length are durable up
//! to its last fsync or fdatasync, or to a later syncfs, which is not believed to cover names; a name only when its folder was
//! synced; `sync_file_range` counts as nothing; what is not synced may be there, not be there, or be there in some sectors, file by file and in any order. Only
//! two things are taken for granted, as every journalling file system grants them: the names of one folder change in
//! the order of the calls, and bytes cut off by a truncation do not come back once the file has grown again. A call
//! that the model does not know is an error, never ignored. Calls can be made to fail as well ([`Fault`]); what a sync
//! failed for may then be lost for good although a later one succeeds, as on Linux.
//! Deliberately absent: names moved between folders, and stale bytes of other files in space that was reserved and
//! never written.

mod argument;
mod bounds;
mod call;
mod cut;
mod disk;
mod error;
mod files;
mod image;
mod missing;
mod names;
mod process;
mod record;
mod step;
mod tree;
mod trial;

#[cfg(test)]
mod tests;

pub use error::TrialError;
pub use missing::Missing;
pub use record::{Fault, child, faulty, say, start_anew, started_anew};
pub use trial::{Found, NOTICED_WITHIN, Plan, run, run_from};
