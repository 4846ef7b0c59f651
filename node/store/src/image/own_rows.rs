//! Rows that a partition keeps about itself: whose line its versions are of, whether it is whole, whether it was moved
//! away. They lie behind every space, are in no image, and are not sealed: they say nothing about anybody.

use chukei_crypto::random;

use super::error::ImageError;
use crate::batch::Batch;
use crate::error::StoreError;
use crate::partition::{Partition, Versioned};
use crate::row::RowKey;

/// Before their names; no [`crate::Space`] has this number.
const OWN: u8 = 0xf0;

fn own(name: &[u8]) -> RowKey {
    RowKey::from_stored([&[OWN], name].concat())
}

/// Sixteen random bytes that change whenever versions begin anew.
pub(super) fn lineage_row() -> RowKey {
    own(b"lineage")
}

/// Written between two moments, to tell what came before it.
pub(super) fn point_row() -> RowKey {
    own(b"point")
}

/// There while rows are being put back. It holds the name of the last image that is wholly in, where nothing of the
/// next one is.
pub(super) fn filling_row() -> RowKey {
    own(b"filling")
}

/// The newest epoch of the places that the rows were in before.
pub(super) fn epoch_row() -> RowKey {
    own(b"epoch")
}

/// What stands there; 0 where the rows were never anywhere else.
pub(super) async fn epoch_before(partition: &dyn Partition) -> Result<u64, ImageError> {
    let Some(row) = read(partition, epoch_row()).await? else { return Ok(0) };
    let bytes = row.value.try_into().map_err(|_| ImageError::Store(StoreError::Corrupt))?;
    Ok(u64::from_be_bytes(bytes))
}

/// There once the rows were moved away.
pub(super) fn moved_row() -> RowKey {
    own(b"moved")
}

/// There from a restore until the node has told of it.
pub(super) fn restored_row() -> RowKey {
    own(b"restored")
}

/// What a restore leaves for the body's log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Restored {
    /// SHA-256 of the manifest of the last backup of the chain.
    pub backup: [u8; 32],
    /// Number of the last entry of the journal that came back.
    pub last_number: u64,
}

impl Restored {
    pub(super) fn to_bytes(self) -> Vec<u8> {
        [&self.backup[..], &self.last_number.to_be_bytes()].concat()
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (backup, number) = bytes.split_first_chunk::<32>()?;
        Some(Self { backup: *backup, last_number: u64::from_be_bytes(number.try_into().ok()?) })
    }
}

/// A new lineage.
pub(super) fn fresh_lineage() -> Result<[u8; 16], ImageError> {
    random::bytes::<16>().map_err(|_| ImageError::Random)
}

/// What begins a new line, whose epochs are above `epoch`.
pub(super) fn new_line(epoch: u64) -> Result<Batch, ImageError> {
    let lineage = fresh_lineage()?.to_vec();
    Ok(Batch::new().put(lineage_row(), lineage).put(epoch_row(), epoch.to_be_bytes().to_vec()))
}

/// One of these rows.
pub(super) async fn read(partition: &dyn Partition, row: RowKey) -> Result<Option<Versioned>, ImageError> {
    Ok(partition.get_many(&[row]).await?.into_iter().next().flatten())
}

/// Refuses rows that are not whole or were moved away.
pub(super) async fn check_whole(partition: &dyn Partition) -> Result<(), ImageError> {
    let found = partition.get_many(&[filling_row(), moved_row()]).await?;
    match found.as_slice() {
        [_, Some(_)] => Err(ImageError::MovedAway),
        [Some(_), _] => Err(ImageError::Unfinished),
        _ => Ok(()),
    }
}
