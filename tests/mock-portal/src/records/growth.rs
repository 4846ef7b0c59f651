//! Whether a checkpoint may follow the one that is known.
//!
//! What must hold: of one epoch it is never smaller; as large, it has the same root; larger, it is proven to continue the known
//! one. Both are verified as signed before they come here: so two that contradict each other are the log's own word.
//! Deliberately absent: a comparison across epochs. What a restore may set back is decided by two persons before brokers.

use chukei_crypto::tlog::{Proof, verify_consistency};

use super::wrong::Wrong;
use crate::storage::reached::KnownLog;

/// Checks that `shown` may follow `known`, by the proof that came with it.
pub(super) fn follows(known: &KnownLog, shown: &KnownLog, grown: &Proof) -> Result<(), Wrong> {
    if is_older(known, shown) {
        return Err(Wrong::Stale);
    }
    if shown.epoch > known.epoch {
        return Ok(());
    }
    if shown.size == known.size && shown.root != known.root {
        return Err(Wrong::Fork);
    }
    verify_consistency(grown, &known.head(), &shown.head()).map_err(|_| Wrong::NotGrown)
}

/// Whether it is of an earlier epoch, or smaller than the known one of the same.
pub(super) fn is_older(known: &KnownLog, shown: &KnownLog) -> bool {
    (shown.epoch, shown.size) < (known.epoch, known.size)
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use chukei_crypto::tlog::{Frontier, Hash, HashSource, Subtree, node_hash, prove_consistency};

    use super::*;

    struct Leaves(Vec<Hash>);

    impl HashSource for Leaves {
        type Error = Infallible;

        fn hash(&mut self, at: Subtree) -> Result<Hash, Infallible> {
            let mut level = self.0.clone();
            for _ in 0..at.level() {
                level = level.chunks_exact(2).map(|pair| node_hash(&pair[0], &pair[1])).collect();
            }
            Ok(level[usize::try_from(at.index()).unwrap()])
        }
    }

    fn leaves(count: u8, of: u8) -> Vec<Hash> {
        (0..count).map(|number| [number ^ of; 32]).collect()
    }

    fn known(epoch: u64, leaves: &[Hash]) -> KnownLog {
        let mut frontier = Frontier::new();
        frontier.extend(leaves).unwrap();
        let head = frontier.head();
        KnownLog { epoch, size: head.size, root: head.root, note: String::new() }
    }

    fn proof(old: u64, all: &[Hash]) -> Proof {
        prove_consistency(&mut Leaves(all.to_vec()), old, all.len() as u64).unwrap()
    }

    #[test]
    fn r43_a_checkpoint_follows_the_known_one_only_by_proof() {
        let (few, all) = (leaves(11, 0), leaves(29, 0));
        let (before, now) = (known(3, &few), known(3, &all));
        follows(&before, &now, &proof(11, &all)).unwrap();
        follows(&now, &now, &Proof::default()).unwrap();
        assert_eq!(follows(&before, &now, &Proof::default()), Err(Wrong::NotGrown), "no proof");
        assert_eq!(follows(&before, &now, &proof(12, &all)), Err(Wrong::NotGrown), "another's proof");
        assert_eq!(follows(&now, &now, &proof(11, &all)), Err(Wrong::NotGrown), "a proof of nothing");
        // Another history: as large, and grown.
        let other = leaves(29, 0x80);
        assert_eq!(follows(&before, &known(3, &leaves(11, 0x80)), &Proof::default()), Err(Wrong::Fork));
        assert_eq!(follows(&before, &known(3, &other), &proof(11, &other)), Err(Wrong::NotGrown));
    }

    #[test]
    fn r43_what_is_smaller_or_of_an_earlier_epoch_is_stale_and_a_later_epoch_begins_anew() {
        let (few, all) = (known(3, &leaves(11, 0)), known(3, &leaves(29, 0)));
        assert_eq!(follows(&all, &few, &Proof::default()), Err(Wrong::Stale));
        let earlier = known(2, &leaves(40, 0));
        assert_eq!(follows(&few, &earlier, &Proof::default()), Err(Wrong::Stale));
        follows(&all, &known(4, &leaves(5, 7)), &Proof::default()).unwrap();
    }
}
