//! What reads bytes from disks and backups, for the fuzz targets in `tests/fuzz`: each decoder returns, and what it accepts
//! it would have written itself. A panic is a finding.

pub use crate::image::fuzzing::{image_journal, image_manifest, image_place, image_restored, image_rows};
pub use crate::journal::fuzzing::{journal_block, journal_checkpoint, journal_summary};
pub use crate::sled::fuzzing::sled_item;
