//! Proofs of every kind in trees of every size that differs in shape, held against the definitions; and nothing altered.

use proptest::prelude::*;

use super::definitions::{Memory, head, path, proof, root};
use super::*;

/// Past two powers of two.
const SIZES: usize = 131;

#[test]
fn every_inclusion_proof_is_the_defined_one_and_verifies() {
    let leaves = leaves(SIZES as u64);
    for size in 1..=SIZES {
        let head = head(&leaves, size);
        for index in 0..size {
            let made = prove_inclusion(&mut Memory(&leaves), index as u64, size as u64).unwrap();
            assert_eq!(made.hashes(), path(index, &leaves[..size]), "leaf {index} of {size}");
            assert_eq!(verify_inclusion(&made, index as u64, &leaves[index], &head), Ok(()));
        }
    }
}

#[test]
fn every_consistency_proof_is_the_defined_one_and_verifies() {
    let leaves = leaves(SIZES as u64);
    let heads: Vec<_> = (0..=SIZES).map(|size| head(&leaves, size)).collect();
    for new in 0..=SIZES {
        for old in 0..=new {
            let made = prove_consistency(&mut Memory(&leaves), old as u64, new as u64).unwrap();
            let defined = if old == 0 { Vec::new() } else { proof(old, &leaves[..new]) };
            assert_eq!(made.hashes(), defined, "{old} to {new}");
            assert_eq!(verify_consistency(&made, &heads[old], &heads[new]), Ok(()));
        }
    }
}

#[test]
fn a_leaf_is_at_no_other_index_and_no_tree_began_at_another_size() {
    let leaves = leaves(40);
    for size in 1..=40 {
        let new = head(&leaves, size);
        for index in 0..size {
            let made = prove_inclusion(&mut Memory(&leaves), index as u64, size as u64).unwrap();
            for other in (0..2 * size).filter(|other| *other != index) {
                assert!(verify_inclusion(&made, other as u64, &leaves[index], &new).is_err());
            }
            let old = head(&leaves, index);
            let made = prove_consistency(&mut Memory(&leaves), index as u64, size as u64).unwrap();
            for other in (0..2 * size).filter(|other| *other != index) {
                let other = TreeHead { size: other as u64, ..old };
                assert!(verify_consistency(&made, &other, &new).is_err(), "{other:?} of {size}");
            }
        }
    }
}

#[test]
fn proofs_outside_the_tree_are_neither_made_nor_verified() {
    let leaves = leaves(8);
    let mut source = Memory(&leaves);
    for (index, size) in [(0, 0), (8, 8), (9, 8), (0, SIZE_MAX + 1), (u64::MAX, u64::MAX)] {
        assert_eq!(prove_inclusion(&mut source, index, size), Err(MakeError::OutOfRange));
        let head = TreeHead { size, root: leaves[0] };
        let refused = verify_inclusion(&Proof::default(), index, &leaves[0], &head);
        assert_eq!(refused, Err(ProofError::OutOfRange));
    }
    for (old, new) in [(9, 8), (1, 0), (1, SIZE_MAX + 1), (u64::MAX, u64::MAX)] {
        assert_eq!(prove_consistency(&mut source, old, new), Err(MakeError::OutOfRange));
        let [old, new] = [old, new].map(|size| TreeHead { size, root: leaves[0] });
        assert_eq!(verify_consistency(&Proof::default(), &old, &new), Err(ProofError::OutOfRange));
    }
}

#[test]
fn a_tree_continues_itself_and_the_empty_one_with_the_empty_proof_alone() {
    let leaves = leaves(5);
    let (none, some) = (Proof::default(), Proof::new(vec![leaves[0]]).unwrap());
    let (five, other) = (head(&leaves, 5), TreeHead { size: 5, root: leaves[0] });
    assert_eq!(verify_consistency(&none, &five, &five), Ok(()));
    assert_eq!(verify_consistency(&none, &TreeHead::EMPTY, &five), Ok(()));
    assert_eq!(verify_consistency(&none, &five, &other), Err(ProofError::Root));
    assert_eq!(verify_consistency(&some, &five, &five), Err(ProofError::Length));
    assert_eq!(verify_consistency(&some, &TreeHead::EMPTY, &five), Err(ProofError::Length));
    assert_eq!(verify_consistency(&none, &head(&leaves, 4), &five), Err(ProofError::Length));
    let unreal = TreeHead { root: leaves[0], ..TreeHead::EMPTY };
    assert_eq!(verify_consistency(&none, &unreal, &five), Err(ProofError::Root));
}

#[test]
fn the_longest_proofs_of_the_largest_tree_have_their_bound() {
    /// Every hash is the same, so that every complete subtree of a level has one hash.
    struct Uniform;
    impl HashSource for Uniform {
        type Error = std::convert::Infallible;
        fn hash(&mut self, at: Subtree) -> Result<Hash, Self::Error> {
            Ok((0..at.level()).fold([7; 32], |hash, _| node_hash(&hash, &hash)))
        }
    }
    let new = Frontier::read(&mut Uniform, SIZE_MAX).unwrap();
    assert_eq!(new.roots().len(), 63);
    assert_eq!(new.clone().append([7; 32]), Err(FrontierError::Full));
    assert_eq!(new.clone().extend(&[[7; 32]]), Err(FrontierError::Full));
    let mut before = Frontier::read(&mut Uniform, SIZE_MAX - 1).unwrap();
    assert_eq!(before.extend(&[[7; 32]; 2]), Err(FrontierError::Full));
    assert_eq!(before.size(), SIZE_MAX - 1);
    before.extend(&[[7; 32]]).unwrap();
    assert_eq!(before, new);
    assert_eq!(Frontier::from_roots(SIZE_MAX + 1, vec![[7; 32]]), Err(FrontierError::Roots));
    assert_eq!(Frontier::read(&mut Uniform, SIZE_MAX + 1), Err(MakeError::OutOfRange));
    for index in [0, 1, SIZE_MAX / 2, SIZE_MAX - 2, SIZE_MAX - 1] {
        let made = prove_inclusion(&mut Uniform, index, SIZE_MAX).unwrap();
        assert!(made.hashes().len() < PROOF_MAX);
        assert_eq!(verify_inclusion(&made, index, &[7; 32], &new.head()), Ok(()));
        let old = Frontier::read(&mut Uniform, index).unwrap();
        let made = prove_consistency(&mut Uniform, index, SIZE_MAX).unwrap();
        assert!(made.hashes().len() <= PROOF_MAX);
        assert_eq!(verify_consistency(&made, &old.head(), &new.head()), Ok(()));
    }
}

/// One bit of one hash or of one root turned.
fn flipped(mut hash: Hash, bit: usize) -> Hash {
    hash[bit / 8] ^= 1 << (bit % 8);
    hash
}

proptest! {
    #[test]
    fn appended_one_by_one_or_at_once_or_read_back_a_frontier_is_one(
        size in 0_usize..300,
        cut: prop::sample::Index,
    ) {
        let leaves = leaves(size as u64);
        let (before, behind) = leaves.split_at(cut.index(size + 1));
        let (mut one, mut bulk) = (Frontier::new(), Frontier::default());
        let mut completed = 0;
        for leaf in &leaves {
            one.append_with(*leaf, |_, _| completed += 1).unwrap();
        }
        bulk.extend(before).unwrap();
        bulk.extend(behind).unwrap();
        prop_assert_eq!(&one, &bulk);
        prop_assert_eq!(&one, &Frontier::read(&mut Memory(&leaves), size as u64).unwrap());
        prop_assert_eq!(one.root(), root(&leaves));
        // Every node above the leaves is a subtree completed once.
        prop_assert_eq!(completed, 2 * size - one.roots().len());
        let again = Frontier::from_roots(one.size(), one.roots().to_vec()).unwrap();
        prop_assert_eq!(again, one.clone());
        let (grown, more) = (one.size() ^ 1, one.roots().to_vec());
        prop_assert_eq!(Frontier::from_roots(grown, more), Err(FrontierError::Roots));
    }

    #[test]
    fn a_proof_with_one_bit_turned_one_hash_less_or_more_proves_nothing(
        (size, index) in (2_usize..300).prop_flat_map(|size| (Just(size), 1..size)),
        at: prop::sample::Index,
        bit in 0_usize..256,
    ) {
        let leaves = leaves(size as u64);
        let (old, new) = (head(&leaves, index), head(&leaves, size));
        let bad = |head: TreeHead| TreeHead { root: flipped(head.root, bit), ..head };
        let inclusion = prove_inclusion(&mut Memory(&leaves), index as u64, size as u64).unwrap();
        let consistency = prove_consistency(&mut Memory(&leaves), index as u64, size as u64).unwrap();
        let leaf = &leaves[index];
        for (made, of_leaf) in [(&inclusion, true), (&consistency, false)] {
            let mut turned = made.hashes().to_vec();
            let at = at.index(turned.len());
            turned[at] = flipped(turned[at], bit);
            let mut less = made.hashes().to_vec();
            less.remove(at);
            let mut more = made.hashes().to_vec();
            more.insert(at, leaves[0]);
            let last = [made.hashes(), &[new.root]].concat();
            for altered in [turned, less, more, last] {
                let altered = Proof::new(altered).unwrap();
                let included = verify_inclusion(&altered, index as u64, leaf, &new);
                let consistent = verify_consistency(&altered, &old, &new);
                let refused = if of_leaf { included.is_err() } else { consistent.is_err() };
                prop_assert!(refused);
            }
        }
        prop_assert!(verify_inclusion(&inclusion, index as u64, &flipped(*leaf, bit), &new).is_err());
        prop_assert!(verify_inclusion(&inclusion, index as u64, leaf, &bad(new)).is_err());
        prop_assert!(verify_consistency(&consistency, &bad(old), &new).is_err());
        prop_assert!(verify_consistency(&consistency, &old, &bad(new)).is_err());
    }

    #[test]
    fn a_proof_is_read_from_its_bytes_and_lines_alone(count in 0_usize..70, more in 1_usize..32) {
        let hashes = leaves(count as u64);
        let made = Proof::new(hashes.clone());
        if count > PROOF_MAX {
            prop_assert_eq!(made, Err(ProofError::Malformed));
            prop_assert_eq!(Proof::from_bytes(&hashes.concat()), Err(ProofError::Malformed));
            return Ok(());
        }
        let made = made.unwrap();
        let bytes = made.to_bytes();
        prop_assert_eq!(Proof::from_bytes(&bytes), Ok(made.clone()));
        prop_assert_eq!(Proof::from_bytes(&[bytes, vec![0; more]].concat()), Err(ProofError::Malformed));
        let lines = made.to_lines();
        prop_assert_eq!(Proof::from_lines(lines.split_terminator('\n')), Ok(made));
        let many = vec!["A"; 1 << 20];
        prop_assert_eq!(Proof::from_lines(many.into_iter()), Err(ProofError::Malformed));
    }
}
