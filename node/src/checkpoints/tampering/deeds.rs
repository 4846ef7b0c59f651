//! What somebody does to the files of a log: bytes, entries and whole files, with and without checksums that fit.

use super::*;

/// What is done to a log whose files are derived: what of, and what is found. The first record that is wrong is counted
/// from the first one of the third file; without a fault the journal does not open.
pub(super) type Deed = (&'static str, fn(&TempDir, &[PathBuf]), Option<(i64, LogFault)>);

/// One thing that is done to each log, and what is to be found then.
pub(super) const DEEDS: &[Deed] = &[
    ("nothing", |_, _| (), None),
    ("byte flipped, checksum as it was", |_, log| flip_in(&log[2], 300), Some((0, Altered))),
    ("byte flipped in the header of a file", |_, log| flip_in(&log[2], 9), Some((0, Altered))),
    (
        "byte flipped, checksum mended",
        |_, log| edit(&log[2], |file| file.blocks[0][3].sealed()[40] ^= 1),
        Some((3, Altered)),
    ),
    (
        "kind flipped, which stands outside of the seal",
        |_, log| edit(&log[2], |file| *file.blocks[0][3].kind() ^= 1),
        Some((3, Altered)),
    ),
    ("entry dropped", |_, log| edit(&log[2], |file| drop(file.blocks[0].remove(3))), Some((3, Missing))),
    (
        "entry dropped, and those behind it numbered anew",
        |_, log| {
            edit(&log[2], |file| {
                let gone = file.blocks[0].remove(3).number();
                for (number, entry) in (gone..).zip(file.blocks.iter_mut().flatten().skip(3)) {
                    entry.renumber(number);
                }
            });
        },
        Some((3, Missing)),
    ),
    ("entries swapped", |_, log| edit(&log[2], |file| file.blocks[0].swap(3, 5)), Some((3, Reordered))),
    (
        "contents of entries swapped",
        |_, log| {
            edit(&log[2], |file| {
                let numbers = [3, 5].map(|at: usize| file.blocks[0][at].number());
                file.blocks[0].swap(3, 5);
                file.blocks[0][3].renumber(numbers[0]);
                file.blocks[0][5].renumber(numbers[1]);
            });
        },
        Some((3, Reordered)),
    ),
    (
        "entry cut short",
        |_, log| {
            edit(&log[2], |file| {
                let entry = &mut file.blocks[0][3];
                let sealed = entry.sealed().to_vec();
                entry.seal(&sealed[..sealed.len() - 1]);
            });
        },
        Some((3, Altered)),
    ),
    (
        "entry doubled",
        |_, log| {
            edit(&log[2], |file| {
                let twice = file.blocks[0][3].clone();
                file.blocks[0].insert(4, twice);
            });
        },
        Some((4, Duplicated)),
    ),
    (
        "entry doubled in a block of its own",
        |_, log| {
            edit(&log[2], |file| {
                let twice = file.blocks[0][3].clone();
                file.blocks.insert(1, vec![twice]);
            });
        },
        Some((i64::MAX, Duplicated)),
    ),
    (
        "content of an earlier entry in the place of a later one",
        |_, log| {
            edit(&log[2], |file| {
                let earlier = file.blocks[0][3].sealed().to_vec();
                file.blocks[0][6].seal(&earlier);
            });
        },
        Some((6, Duplicated)),
    ),
    (
        "entry of another body's log in its place",
        |dir, log| {
            let first = first_in(&log[2]);
            let other = files(&journal(dir).join("logs").join(OTHER), "log");
            let mut theirs = other.iter().find_map(|path| {
                let file = Edited::open(path);
                let (block, at) = file.find(OTHER, first + 3)?;
                Some(file.blocks[block][at].clone())
            });
            let sealed = theirs.as_mut().unwrap().sealed().to_vec();
            edit(&log[2], |file| file.blocks[0][3].seal(&sealed));
        },
        Some((3, Altered)),
    ),
    ("file dropped", |_, log| fs::remove_file(&log[2]).unwrap(), Some((0, Missing))),
    (
        "files swapped",
        |_, log| {
            let [one, two] = [2, 3].map(|at: usize| fs::read(&log[at]).unwrap());
            fs::write(&log[2], two).unwrap();
            fs::write(&log[3], one).unwrap();
        },
        Some((0, Altered)),
    ),
    (
        "files swapped, checksums mended",
        |_, log| {
            let [one, two] = [2, 3].map(|at: usize| Edited::open(&log[at]).blocks);
            edit(&log[2], |file| file.blocks = two);
            edit(&log[3], |file| file.blocks = one);
        },
        Some((0, Reordered)),
    ),
    (
        "file cut in half",
        |_, log| {
            let length = fs::metadata(&log[2]).unwrap().len();
            fs::OpenOptions::new().write(true).open(&log[2]).unwrap().set_len(length / 2).unwrap();
        },
        Some((0, Altered)),
    ),
    (
        "file emptied behind its header",
        |_, log| edit(&log[2], |file| file.blocks.clear()),
        Some((0, Missing)),
    ),
    (
        "file doubled over the next one",
        |_, log| {
            let twice = Edited::open(&log[2]).blocks;
            edit(&log[3], |file| file.blocks = twice);
        },
        Some((i64::MAX, Duplicated)),
    ),
    (
        "newest file put back to an older one",
        |_, log| {
            let newest = log.last().unwrap();
            edit(newest, |file| file.blocks[0].truncate(10));
        },
        Some((i64::MAX, Missing)),
    ),
    (
        "whole log dropped",
        |dir, _| fs::remove_dir_all(journal(dir).join("logs").join(BODY)).unwrap(),
        Some((i64::MIN, Missing)),
    ),
];
