//! The journal's decoders, for the fuzz targets. What stands behind a checksum is given without it, or none would be
//! reached.

use super::checkpoint::Checkpoint;
use super::entry::{EntryRef, Head};
use super::fields::unseal;
use super::slack::Slack;
use super::summary::Summary;

/// Bytes of magic and format in front of what a checkpoint or a summary says.
const FRONT: usize = 8 + 4;

/// Entries of a block, one after the other.
pub fn journal_block(mut payload: &[u8]) {
    while let Some(entry) = EntryRef::take(&mut payload) {
        let EntryRef { partition, kind, at_ms, number, replay, sealed, raw } = entry;
        let head = Head { partition: partition.to_owned(), kind, at_ms, replay, slack: Slack::NONE };
        let mut again = Vec::new();
        head.encode(number, sealed, &mut again);
        assert_eq!(again, raw);
    }
}

/// What a summary says.
pub fn journal_summary(text: &[u8]) {
    if let Some(summary) = Summary::from_text(text) {
        assert_eq!(behind_front(&summary.to_bytes()).and_then(Summary::from_text), Some(summary));
    }
}

/// What a checkpoint says.
pub fn journal_checkpoint(text: &[u8]) {
    if let Some(checkpoint) = Checkpoint::from_text(text) {
        assert_eq!(behind_front(&checkpoint.to_bytes()).and_then(Checkpoint::from_text), Some(checkpoint));
    }
}

fn behind_front(file: &[u8]) -> Option<&[u8]> {
    unseal(file)?.get(FRONT..)
}
