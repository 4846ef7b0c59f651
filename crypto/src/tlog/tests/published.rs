//! The reference tree of Certificate Transparency: eight leaves, the roots of all its sizes, and proofs in them, as the
//! RFC's authors and `transparency-dev/merkle` publish them.

use super::*;

/// The entries, in hexadecimal.
const ENTRIES: [&str; 8] =
    ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];

/// The roots of the trees of 0 to 8 leaves.
const ROOTS: [&str; 9] = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
];

/// Hashes of complete subtrees, named by their level and index.
const LEAF_0: &str = ROOTS[1];
const LEAF_1: &str = "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7";
const LEAF_4: &str = "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b";
const LEAF_6: &str = "b08693ec2e721597130641e8211e7eedccb4c26413963eee6c1e2ed16ffb1a5f";
const PAIR_0: &str = ROOTS[2];
const PAIR_1: &str = "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e";
const PAIR_2: &str = "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a";
const PAIR_3: &str = "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0";
const FOUR_0: &str = ROOTS[4];
const FOUR_1: &str = "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4";

/// Index from 0, size, proof.
const INCLUSION: [(u64, u64, &[&str]); 5] = [
    (0, 1, &[]),
    (0, 8, &[LEAF_1, PAIR_1, FOUR_1]),
    (5, 8, &[LEAF_4, PAIR_3, FOUR_0]),
    (2, 3, &[PAIR_0]),
    (1, 5, &[LEAF_0, PAIR_1, LEAF_4]),
];

/// Old size, new size, proof.
const CONSISTENCY: [(u64, u64, &[&str]); 5] = [
    (1, 1, &[]),
    (1, 8, &[LEAF_1, PAIR_1, FOUR_1]),
    (6, 8, &[PAIR_2, PAIR_3, FOUR_0]),
    (2, 5, &[PAIR_1, LEAF_4]),
    (6, 7, &[PAIR_2, LEAF_6, FOUR_0]),
];

fn entry_hashes() -> Vec<Hash> {
    ENTRIES.map(|entry| leaf_hash(&data_encoding::HEXLOWER.decode(entry.as_bytes()).unwrap())).to_vec()
}

fn head(size: u64) -> TreeHead {
    TreeHead { size, root: hash(ROOTS[usize::try_from(size).unwrap()]) }
}

fn proof(hashes: &[&str]) -> Proof {
    Proof::new(hashes.iter().copied().map(hash).collect()).unwrap()
}

#[test]
fn the_roots_of_all_sizes_are_the_published_ones() {
    let mut frontier = Frontier::new();
    assert_eq!((frontier.head(), TreeHead::EMPTY), (head(0), head(0)));
    for (size, leaf) in (1..).zip(entry_hashes()) {
        frontier.append(leaf).unwrap();
        assert_eq!(frontier.head(), head(size));
    }
    assert_eq!(leaf_hash(&[0]), hash(LEAF_1));
    assert_eq!(node_hash(&hash(LEAF_0), &hash(LEAF_1)), hash(PAIR_0));
}

#[test]
fn published_inclusion_proofs_are_made_and_verified() {
    let leaves = entry_hashes();
    for (index, size, hashes) in INCLUSION {
        let made = prove_inclusion(&mut definitions::Memory(&leaves), index, size).unwrap();
        assert_eq!(made, proof(hashes), "leaf {index} of {size}");
        let leaf = &leaves[usize::try_from(index).unwrap()];
        assert_eq!(verify_inclusion(&made, index, leaf, &head(size)), Ok(()));
        for (other, than) in [(index ^ 2, size), (index + 1, size), (index, size * 2), (index, size / 2)] {
            assert!(verify_inclusion(&made, other, leaf, &TreeHead { size: than, ..head(size) }).is_err());
        }
    }
}

#[test]
fn published_consistency_proofs_are_made_and_verified() {
    let leaves = entry_hashes();
    for (old, new, hashes) in CONSISTENCY {
        let made = prove_consistency(&mut definitions::Memory(&leaves), old, new).unwrap();
        assert_eq!(made, proof(hashes), "{old} to {new}");
        assert_eq!(verify_consistency(&made, &head(old), &head(new)), Ok(()));
        if old < new {
            assert!(verify_consistency(&made, &head(new), &head(old)).is_err());
            for (size, than) in
                [(old - 1, new), (old + 1, new), (old ^ 2, new), (old, new * 2), (old, new / 2)]
            {
                let (old, new) = (TreeHead { size, ..head(old) }, TreeHead { size: than, ..head(new) });
                assert!(verify_consistency(&made, &old, &new).is_err(), "{size} to {than}");
            }
        }
    }
}
