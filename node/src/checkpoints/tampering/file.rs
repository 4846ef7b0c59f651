//! Files of a journal and of the logs that are derived from it, as somebody edits them who knows their form and has no key:
//! checksums fit afterwards.

use std::fs;
use std::path::{Path, PathBuf};

const HEADER: usize = 64;

/// One entry as its bytes lie there.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Entry(Vec<u8>);

impl Entry {
    pub(super) fn number(&self) -> u64 {
        u64::from_be_bytes(self.0[13..21].try_into().unwrap())
    }

    pub(super) fn renumber(&mut self, number: u64) {
        self.0[13..21].copy_from_slice(&number.to_be_bytes());
    }

    pub(super) fn set_time(&mut self, at_ms: u64) {
        self.0[5..13].copy_from_slice(&at_ms.to_be_bytes());
    }

    pub(super) fn kind(&mut self) -> &mut u8 {
        &mut self.0[4]
    }

    pub(super) fn is_of(&self, body: &str) -> bool {
        self.0[38..38 + usize::from(self.0[37])] == *body.as_bytes()
    }

    /// The sealed content.
    pub(super) fn sealed(&mut self) -> &mut [u8] {
        let from = 38 + usize::from(self.0[37]);
        &mut self.0[from..]
    }

    /// Other content, of any length.
    pub(super) fn seal(&mut self, sealed: &[u8]) {
        self.0.truncate(38 + usize::from(self.0[37]));
        self.0.extend_from_slice(sealed);
        let length = u32::try_from(self.0.len() - 4).unwrap();
        self.0[..4].copy_from_slice(&length.to_be_bytes());
    }
}

/// A file: its blocks of entries.
#[derive(Clone)]
pub(super) struct Edited {
    path: PathBuf,
    /// The number that the file is named by, which checksums cover.
    name: u64,
    header: Vec<u8>,
    length: usize,
    pub(super) blocks: Vec<Vec<Entry>>,
}

impl Edited {
    pub(super) fn open(path: &Path) -> Self {
        let bytes = fs::read(path).unwrap();
        let name = u64::from_str_radix(path.file_stem().unwrap().to_str().unwrap(), 16).unwrap();
        let (mut at, mut blocks) = (HEADER, Vec::new());
        while at + 8 <= bytes.len() {
            let length = u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
            if length == 0 {
                break;
            }
            blocks.push(entries(&bytes[at + 8..at + 8 + length]));
            at += (8 + length).next_multiple_of(8);
        }
        let header = bytes[..HEADER].to_vec();
        Self { path: path.to_owned(), name, header, length: bytes.len(), blocks }
    }

    /// Writes it back. A segment keeps its length; a log's file has what is in it.
    pub(super) fn save(&self) {
        let mut bytes = self.header.clone();
        for block in self.blocks.iter().filter(|block| !block.is_empty()) {
            let payload = block.iter().flat_map(|entry| entry.0.iter().copied()).collect::<Vec<u8>>();
            let sum = checksum(self.name, bytes.len() as u64, &payload);
            bytes.extend_from_slice(&u32::try_from(payload.len()).unwrap().to_be_bytes());
            bytes.extend_from_slice(&sum.to_be_bytes());
            bytes.extend_from_slice(&payload);
            bytes.resize(bytes.len().next_multiple_of(8), 0);
        }
        if self.path.extension().is_some_and(|kind| kind == "seg") {
            bytes.resize(self.length.max(bytes.len()), 0);
        }
        fs::write(&self.path, bytes).unwrap();
    }

    /// Where the entry of this number lies.
    pub(super) fn find(&self, body: &str, number: u64) -> Option<(usize, usize)> {
        self.blocks.iter().enumerate().find_map(|(at, block)| {
            let within = block.iter().position(|entry| entry.is_of(body) && entry.number() == number)?;
            Some((at, within))
        })
    }
}

fn entries(mut payload: &[u8]) -> Vec<Entry> {
    let mut found = Vec::new();
    while !payload.is_empty() {
        let length = 4 + u32::from_be_bytes(payload[..4].try_into().unwrap()) as usize;
        found.push(Entry(payload[..length].to_vec()));
        payload = &payload[length..];
    }
    found
}

fn checksum(name: u64, offset: u64, payload: &[u8]) -> u32 {
    let head = [name.to_be_bytes(), offset.to_be_bytes(), (payload.len() as u64).to_be_bytes()].concat();
    crc(head.iter().chain(payload))
}

/// Makes a log begin at this number, in the file that says how far logs are derived.
pub(super) fn keep_from(checkpoint: &Path, body: &str, first: u64) {
    let mut bytes = fs::read(checkpoint).unwrap();
    let name = bytes.windows(body.len()).position(|window| window == body.as_bytes()).unwrap();
    let at = name + body.len();
    bytes[at..at + 8].copy_from_slice(&first.to_be_bytes());
    let end = bytes.len() - 4;
    let sum = crc(bytes[..end].iter());
    bytes[end..].copy_from_slice(&sum.to_be_bytes());
    fs::write(checkpoint, bytes).unwrap();
}

fn crc<'a>(bytes: impl Iterator<Item = &'a u8>) -> u32 {
    let mut sum = u32::MAX;
    for byte in bytes {
        sum ^= u32::from(*byte);
        for _ in 0..8 {
            sum = if sum & 1 == 1 { sum >> 1 ^ 0xEDB8_8320 } else { sum >> 1 };
        }
    }
    !sum
}
