//! What a cut leaves of everything that was not synced.
//!
//! Each file and each folder is left in one of the states that it may be in: files by a [`Rest`] each, or all by the
//! same; folders with their changes up to one of them. A sector of a file is found as one of the pending writes left
//! it, or as it was before them all; the length of the file likewise, whatever became of the sectors.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ffi::OsString;

use rand::Rng;
use rand::rngs::StdRng;

use crate::disk::{Disk, DiskFile, DiskFolder, OnDisk, Pending};
use crate::image::Image;
use crate::step::{CallNumber, FileChange, Node, ROOT, write};

/// What is left of the changes of a file that were not synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rest {
    /// Nothing.
    Lost,
    /// Everything.
    Kept,
    /// All changes up to some moment, nothing later.
    Before(CallNumber),
    /// As [`Rest::Before`], and some sectors of the change after it: from its start, from its end, or in its middle.
    Torn,
    /// The length, and none of the bytes.
    Length,
    /// Each sector, and the length, as any of the changes left it.
    Scattered,
}

/// How one cut is made.
#[derive(Debug)]
pub(crate) struct Cut {
    /// Bytes that are written wholly or not at all.
    pub(crate) sector: usize,
    /// For all files; otherwise each gets its own.
    pub(crate) files: Option<Rest>,
    pub(crate) folders: Names,
}

/// What is left of the changes of folders that were not synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Names {
    Lost,
    Kept,
    /// In all folders, the changes up to some moment.
    Before(CallNumber),
    /// In each folder, the changes up to some moment of its own.
    Each,
}

impl Cut {
    /// Any cut, after `calls` calls.
    pub(crate) fn any(random: &mut StdRng, calls: CallNumber) -> Self {
        let moment = random.random_range(0..=calls);
        let folders = match random.random_range(0..6) {
            0 => Names::Lost,
            1 => Names::Kept,
            2 | 3 => Names::Before(moment),
            _ => Names::Each,
        };
        let files = match random.random_range(0..8) {
            0 => Some(Rest::Lost),
            1 => Some(Rest::Kept),
            2 => Some(Rest::Before(moment)),
            3 => Some(Rest::Torn),
            4 => Some(Rest::Scattered),
            _ => None,
        };
        Self { sector: if random.random() { 512 } else { 4096 }, files, folders }
    }

    /// The folder as it is found after the cut, and the bytes of files that have no name in it.
    pub(crate) fn leave(&self, disk: &Disk, random: &mut StdRng) -> (Image, Vec<Vec<u8>>) {
        let mut named = HashSet::new();
        let image = Image::Folder(self.folder(disk, ROOT, &mut named, random));
        let mut freed = Vec::new();
        for (node, found) in disk.nodes.iter().enumerate() {
            if let OnDisk::File(file) = found
                && !named.contains(&node)
            {
                freed.push(self.file(file, random));
            }
        }
        (image, freed)
    }

    fn folder(
        &self,
        disk: &Disk,
        node: Node,
        named: &mut HashSet<Node>,
        random: &mut StdRng,
    ) -> BTreeMap<OsString, Image> {
        let Some(OnDisk::Folder(folder)) = disk.nodes.get(node) else { return BTreeMap::new() };
        let mut left = BTreeMap::new();
        for (name, node) in self.names(folder, random) {
            named.insert(node);
            let image = match disk.nodes.get(node) {
                Some(OnDisk::File(file)) => Image::File(self.file(file, random)),
                _ => Image::Folder(self.folder(disk, node, named, random)),
            };
            left.insert(name, image);
        }
        left
    }

    fn names(&self, folder: &DiskFolder, random: &mut StdRng) -> BTreeMap<OsString, Node> {
        let count = match self.folders {
            Names::Lost => 0,
            Names::Kept => folder.pending.len(),
            Names::Before(moment) => before(&folder.pending, moment),
            Names::Each => random.random_range(0..=folder.pending.len()),
        };
        let mut names = folder.durable.clone();
        folder.pending.iter().take(count).for_each(|pending| pending.change.apply(&mut names));
        names
    }

    fn file(&self, file: &DiskFile, random: &mut StdRng) -> Vec<u8> {
        if file.mapped {
            return anything(file, random);
        }
        let rest = self.files.unwrap_or_else(|| any_rest(file, random));
        leave(file, rest, self.sector, random)
    }
}

fn any_rest(file: &DiskFile, random: &mut StdRng) -> Rest {
    match random.random_range(0..6) {
        0 => Rest::Lost,
        1 => Rest::Kept,
        2 => match file.pending.get(random.random_range(0..file.pending.len().max(1))) {
            Some(pending) => Rest::Before(pending.call),
            None => Rest::Lost,
        },
        3 => Rest::Torn,
        4 => Rest::Length,
        _ => Rest::Scattered,
    }
}

/// How many of the changes were made at or before `moment`.
fn before<C>(pending: &[Pending<C>], moment: CallNumber) -> usize {
    pending.iter().take_while(|pending| pending.call <= moment).count()
}

/// The bytes of a file that was written through memory.
fn anything(file: &DiskFile, random: &mut StdRng) -> Vec<u8> {
    let length = file
        .pending
        .iter()
        .fold(file.durable.len() as u64, |length, pending| pending.change.length_after(length));
    match random.random_range(0..3) {
        0 => Vec::new(),
        1 => vec![0; length as usize],
        _ => (0..length).map(|_| random.random()).collect(),
    }
}

/// Which changes of a file are found: counts of its pending changes.
struct Found {
    /// The last truncation that is on the disk lies before this one; nothing at or behind it is there.
    end: usize,
    /// The length is as this many changes left it,
    length: usize,
    /// or, within the change after them, as it was while that went on.
    grown: Option<u64>,
    /// Each sector is as this many changes left it; where none is named, as `otherwise` many did.
    sectors: HashMap<usize, usize>,
    otherwise: usize,
}

/// The bytes of the file with this much of its pending changes.
fn leave(file: &DiskFile, rest: Rest, sector: usize, random: &mut StdRng) -> Vec<u8> {
    let found = find(file, rest, sector, random);
    let mut bytes = file.durable.clone();
    let mut lengths = vec![bytes.len() as u64];
    for (at, pending) in file.pending.iter().enumerate().take(found.end) {
        let length = pending.change.length_after(lengths.last().copied().unwrap_or_default());
        lengths.push(length);
        match &pending.change {
            FileChange::Write { offset, bytes: written } => {
                for (number, offset, piece) in sectors_of(*offset as usize, written, sector) {
                    if at < found.sectors.get(&number).copied().unwrap_or(found.otherwise) {
                        write(&mut bytes, offset, piece);
                    }
                }
            }
            // What a truncation cut off does not come back.
            FileChange::Resize(to) => bytes.truncate(*to as usize),
            FileChange::Grow(_) => {}
        }
    }
    let length = lengths.get(found.length).copied().unwrap_or_default();
    bytes.resize(length.max(found.grown.unwrap_or_default()) as usize, 0);
    bytes
}

fn find(file: &DiskFile, rest: Rest, sector: usize, random: &mut StdRng) -> Found {
    let all = file.pending.len();
    let up_to =
        |count| Found { end: count, length: count, grown: None, sectors: HashMap::new(), otherwise: count };
    match rest {
        Rest::Lost => up_to(0),
        Rest::Kept => up_to(all),
        Rest::Before(moment) => up_to(before(&file.pending, moment)),
        Rest::Torn => torn(file, sector, random),
        Rest::Length => {
            let (start, end) = between_truncations(file, random);
            Found { otherwise: start, ..up_to(end) }
        }
        Rest::Scattered => {
            let (start, end) = between_truncations(file, random);
            let mut sectors = HashMap::new();
            for pending in file.pending.iter().take(end) {
                if let FileChange::Write { offset, bytes } = &pending.change {
                    for (number, ..) in sectors_of(*offset as usize, bytes, sector) {
                        sectors.entry(number).or_insert_with(|| random.random_range(0..=end));
                    }
                }
            }
            Found { sectors, otherwise: start, length: random.random_range(start..=end), ..up_to(end) }
        }
    }
}

/// Truncations reach the disk in their order: some of them did, and nothing behind the first that did not.
fn between_truncations(file: &DiskFile, random: &mut StdRng) -> (usize, usize) {
    let mut length = file.durable.len() as u64;
    let mut borders = vec![0];
    for (at, pending) in file.pending.iter().enumerate() {
        let after = pending.change.length_after(length);
        if after < length {
            borders.push(at + 1);
        }
        length = after;
    }
    let on_disk = random.random_range(0..borders.len());
    let start = borders.get(on_disk).copied().unwrap_or_default();
    let end = borders.get(on_disk + 1).map_or(file.pending.len(), |next| next - 1);
    (start, end)
}

/// Every change before one of them, and of that one some sectors.
fn torn(file: &DiskFile, sector: usize, random: &mut StdRng) -> Found {
    let at = random.random_range(0..file.pending.len().max(1)).min(file.pending.len());
    let whole = Found { end: at, length: at, grown: None, sectors: HashMap::new(), otherwise: at };
    let Some(Pending { change: FileChange::Write { offset, bytes }, .. }) = file.pending.get(at) else {
        return whole;
    };
    let pieces: Vec<_> = sectors_of(*offset as usize, bytes, sector)
        .map(|(number, offset, piece)| (number, (offset + piece.len()) as u64))
        .collect();
    let (first, second) = (random.random_range(0..=pieces.len()), random.random_range(0..=pieces.len()));
    let kept = match random.random_range(0..3) {
        0 => 0..first,
        1 => first..pieces.len(),
        _ => first.min(second)..first.max(second),
    };
    let sectors = pieces.get(kept).into_iter().flatten().map(|(number, _)| (*number, at + 1)).collect();
    let grown = pieces.get(random.random_range(0..=pieces.len())).map(|(_, end)| *end);
    Found { end: at + 1, grown, sectors, ..whole }
}

/// The parts of a write that lie in different sectors: number of the sector, offset in the file, bytes.
fn sectors_of(offset: usize, bytes: &[u8], sector: usize) -> impl Iterator<Item = (usize, usize, &[u8])> {
    let first = (sector - offset % sector).min(bytes.len());
    let (head, tail) = bytes.split_at(first);
    let tail = tail.chunks(sector).enumerate().map(move |(at, piece)| (offset + first + at * sector, piece));
    std::iter::once((offset, head))
        .chain(tail)
        .filter(|(_, piece)| !piece.is_empty())
        .map(move |(offset, piece)| (offset / sector, offset, piece))
}
