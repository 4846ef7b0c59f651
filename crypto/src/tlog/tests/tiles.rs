//! A log in tiles: what growth writes, what is read back, and proofs out of it.

use std::collections::BTreeMap;
use std::convert::Infallible;

use proptest::prelude::*;

use super::definitions::{path, proof, root};
use super::*;

/// Tiles by their paths, as a folder holds them.
#[derive(Default, Clone)]
struct Folder {
    tiles: BTreeMap<String, Vec<u8>>,
    reads: usize,
}

impl TileSource for &mut Folder {
    type Error = String;

    fn read(&mut self, tile: TileName, out: &mut Vec<u8>) -> Result<(), String> {
        self.reads += 1;
        let bytes = self.tiles.get(&tile.to_string()).or_else(|| self.tiles.get(&tile.full().to_string()));
        out.extend(bytes.ok_or("no such tile")?);
        Ok(())
    }
}

/// Appends, and writes what a log writes for a checkpoint.
fn append(edge: &mut Edge, folder: &mut Folder, leaves: &[Hash]) {
    for leaf in leaves {
        edge.append(*leaf, |name, bytes| {
            assert!(name.is_full());
            assert_eq!(folder.tiles.insert(name.to_string(), bytes.to_vec()), None);
        })
        .unwrap();
    }
    for (name, bytes) in edge.partial_tiles() {
        folder.tiles.insert(name.to_string(), bytes.to_vec());
    }
}

/// MTH(D[(n * 256 + i) * 256**l : (n * 256 + i + 1) * 256**l]) for each i: the definition of `tlog-tiles`.
fn defined(tile: TileName, leaves: &[Hash]) -> Vec<u8> {
    let span = 256_usize.pow(u32::from(tile.level()));
    let first = usize::try_from(tile.index()).unwrap() * 256;
    (first..first + usize::from(tile.width()))
        .flat_map(|at| root(&leaves[at * span..(at + 1) * span]))
        .collect()
}

#[test]
fn the_trees_of_the_specification_have_its_tiles() {
    let tiles = |size| grown(0, size).map(|grown| grown.tile).collect::<Vec<_>>();
    let all = tiles(70_000);
    let full = |level| all.iter().filter(|tile| tile.level() == level && tile.is_full()).count();
    let partial: Vec<_> = all.iter().filter(|tile| !tile.is_full()).map(ToString::to_string).collect();
    assert_eq!((full(0), full(1), full(2)), (273, 1, 0));
    assert_eq!(partial, ["tile/0/273.p/112", "tile/1/001.p/17", "tile/2/000.p/1"]);
    let names: Vec<_> = tiles(256).iter().map(ToString::to_string).collect();
    assert_eq!(names, ["tile/0/000", "tile/1/000.p/1"]);
    assert_eq!(grown(SIZE_MAX - 1, SIZE_MAX).count(), 1);
    assert_eq!(grown(9, 9).count() + grown(9, 8).count() + grown(0, 0).count(), 0);
}

#[test]
fn a_log_of_seventy_thousand_leaves_in_tiles_gives_the_defined_proofs() {
    let leaves = leaves(70_000);
    let (mut edge, mut folder) = (Edge::new(), Folder::default());
    append(&mut edge, &mut folder, &leaves);
    assert_eq!(folder.tiles.len(), 273 + 1 + 1 + 1 + 1);
    for Grown { tile, held } in grown(0, 70_000) {
        assert_eq!((folder.tiles[&tile.to_string()].as_slice(), held), (&defined(tile, &leaves)[..], 0));
    }
    let (size, head) = (edge.size(), edge.head());
    assert_eq!(head.root, root(&leaves));
    for index in [0, 255, 256, 65_535, 65_536, 69_631, 69_887, 69_888, 69_999] {
        folder.reads = 0;
        let made = prove_inclusion(&mut Tiles::new(&mut folder, size), index, size).unwrap();
        let place = usize::try_from(index).unwrap();
        assert_eq!(made.hashes(), path(place, &leaves));
        assert_eq!(verify_inclusion(&made, index, &leaves[place], &head), Ok(()));
        assert!(folder.reads <= 6, "{} tiles read", folder.reads);
        let made = prove_consistency(&mut Tiles::new(&mut folder, size), index + 1, size).unwrap();
        assert_eq!(made.hashes(), proof(place + 1, &leaves));
    }
}

/// All leaves are one, so that a tile of any level is known without the tiles below it.
struct Uniform;

impl TileSource for Uniform {
    type Error = Infallible;

    fn read(&mut self, tile: TileName, out: &mut Vec<u8>) -> Result<(), Infallible> {
        let hash = (0..8 * tile.level()).fold([7; 32], |hash, _| node_hash(&hash, &hash));
        (0..tile.width()).for_each(|_| out.extend(hash));
        Ok(())
    }
}

#[test]
fn a_proof_among_a_hundred_million_leaves_is_of_27_hashes() {
    let size = 100_000_000;
    let mut tiles = Tiles::new(Uniform, size);
    let head = Edge::open(&mut Uniform, size).unwrap().head();
    assert_eq!(head.root, Frontier::read(&mut tiles, size).unwrap().root());
    for index in [0, 12_345_678, 99_999_999] {
        let made = prove_inclusion(&mut tiles, index, size).unwrap();
        assert!(made.to_bytes().len() <= 27 * 32);
        assert_eq!(verify_inclusion(&made, index, &[7; 32], &head), Ok(()));
    }
}

#[test]
fn tiles_of_another_length_and_hashes_outside_the_log_are_refused() {
    let leaves = leaves(300);
    let (mut edge, mut folder) = (Edge::new(), Folder::default());
    append(&mut edge, &mut folder, &leaves);
    let partial = TileName::new(0, 1, 44).unwrap();
    for length in [0, 31, 43 * 32, 44 * 32 + 1, 257 * 32] {
        let mut folder = folder.clone();
        folder.tiles.insert(partial.to_string(), vec![0; length]);
        let error = TileError::Length(partial);
        assert_eq!(Edge::open(&mut &mut folder, 300), Err(MakeError::Source(error.clone())));
        let refused = prove_inclusion(&mut Tiles::new(&mut folder, 300), 299, 300);
        assert_eq!(refused, Err(MakeError::Source(error)));
    }
    folder.tiles.remove(&partial.to_string());
    let gone = TileError::Source(partial, "no such tile".to_owned());
    assert_eq!(Edge::open(&mut &mut folder, 300), Err(MakeError::Source(gone)));
    assert_eq!(Edge::open(&mut &mut folder, SIZE_MAX + 1), Err(MakeError::OutOfRange));
    let mut tiles = Tiles::new(&mut folder, 300);
    for (level, index) in [(0, 300), (1, 150), (8, 1), (9, 0), (62, 0)] {
        let at = Subtree::new(level, index).unwrap();
        assert_eq!(tiles.hash(at), Err(TileError::OutOfRange));
    }
    for (level, index) in [(63, 0), (64, 0), (255, 0), (62, 1), (0, SIZE_MAX), (0, u64::MAX)] {
        assert_eq!(Subtree::new(level, index), None);
    }
    assert_eq!(Subtree::new(0, SIZE_MAX - 1).map(Subtree::index), Some(SIZE_MAX - 1));
}

#[test]
fn a_log_is_opened_as_it_was_before_its_partial_tile_was_full() {
    let leaves = leaves(300);
    let (mut edge, mut former, mut folder) = (Edge::new(), Edge::new(), Folder::default());
    append(&mut former, &mut folder, &leaves[..100]);
    append(&mut edge, &mut folder, &leaves);
    folder.tiles.remove("tile/0/000.p/100");
    assert_eq!(Edge::open(&mut &mut folder, 100).unwrap(), former);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// However a log grows, it is opened from its tiles as it was left, and no tile changes but at its right end.
    #[test]
    fn a_log_grows_by_its_tiles_and_is_opened_from_them(steps in prop::collection::vec(0_usize..400, 1..6)) {
        let leaves = leaves(steps.iter().sum::<usize>() as u64);
        let (mut edge, mut folder) = (Edge::new(), Folder::default());
        let mut begin = 0;
        for step in steps {
            let before = folder.tiles.clone();
            let (old, new) = (begin as u64, (begin + step) as u64);
            append(&mut edge, &mut folder, &leaves[begin..begin + step]);
            begin += step;
            let mut written: BTreeMap<_, _> = folder.tiles.clone();
            written.retain(|name, _| !before.contains_key(name));
            for Grown { tile, held } in grown(old, new) {
                let bytes = written.remove(&tile.to_string()).unwrap();
                prop_assert_eq!(&bytes, &defined(tile, &leaves));
                if let Some(held) = TileName::new(tile.level(), tile.index(), held) {
                    prop_assert_eq!(&before[&held.to_string()][..], &bytes[..held.bytes()]);
                }
            }
            prop_assert!(written.is_empty());
            prop_assert_eq!(&Edge::open(&mut &mut folder, new).unwrap(), &edge);
            prop_assert_eq!(edge.head().root, root(&leaves[..begin]));
            prop_assert_eq!(edge.frontier().size(), new);
        }
    }

    /// The tiles of a later size, full ones in the place of partial ones, still prove what was in the log before.
    #[test]
    fn proofs_of_former_sizes_come_out_of_later_tiles(
        (size, old, index) in (1_usize..900).prop_flat_map(|size| (Just(size), 0..=size))
            .prop_flat_map(|(size, old)| (Just(size), Just(old), 0..old.max(1)))
    ) {
        let leaves = leaves(900);
        let (mut edge, mut folder) = (Edge::new(), Folder::default());
        append(&mut edge, &mut folder, &leaves[..size]);
        append(&mut edge, &mut folder, &leaves[size..]);
        folder.tiles.retain(|name, _| !name.contains(".p/") || name.starts_with("tile/1") || name.ends_with("/132"));
        let mut tiles = Tiles::new(&mut folder, 900);
        if old > 0 {
            let made = prove_inclusion(&mut tiles, index as u64, old as u64).unwrap();
            prop_assert_eq!(made.hashes(), path(index, &leaves[..old]));
            let made = prove_consistency(&mut tiles, old as u64, size as u64).unwrap();
            prop_assert_eq!(made.hashes(), proof(old, &leaves[..size]));
        }
        prop_assert!(old < 2 || tiles.into_source().reads > 0);
    }
}
