//! Reading a segment block by block, and judging what lies behind the last good one.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;

use super::block::{self, Place};

/// Walks the blocks of one segment in order, holding one in memory.
pub(super) struct Scanner {
    input: BufReader<File>,
    /// Where the next block begins.
    place: Place,
    /// Nothing at or behind this offset is looked at.
    end: u64,
    payload: Vec<u8>,
}

impl Scanner {
    /// Begins at `place`, which must be where a block begins.
    pub(super) fn new(file: File, place: Place, end: u64) -> io::Result<Self> {
        let mut input = BufReader::with_capacity(1 << 16, file);
        input.seek(SeekFrom::Start(place.offset))?;
        Ok(Self { input, place, end, payload: Vec::new() })
    }

    /// The next block's place and payload, or `None` if what stands there is none.
    pub(super) fn next(&mut self) -> io::Result<Option<(Place, &[u8])>> {
        let mut header = [0; block::HEADER];
        if self.place.offset + block::HEADER as u64 > self.end {
            return Ok(None);
        }
        self.input.read_exact(&mut header)?;
        let Some((length, sum)) = block::read_header(header) else { return Ok(None) };
        let padded = block::padded_len(length);
        if self.place.offset + padded > self.end {
            return Ok(None);
        }
        self.payload.resize(length, 0);
        self.input.read_exact(&mut self.payload)?;
        if block::checksum(self.place, &self.payload) != sum {
            return Ok(None);
        }
        let place = self.place;
        let padding = padded - (block::HEADER + length) as u64;
        self.input.seek_relative(i64::try_from(padding).unwrap_or_default())?;
        self.place.offset += padded;
        Ok(Some((place, &self.payload)))
    }

    /// Where the walk stands: behind the last good block.
    pub(super) fn place(&self) -> Place {
        self.place
    }
}

/// What lies behind the last good block of a segment.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Rest {
    /// Space that was never written.
    Unwritten,
    /// One write that was cut short, with this many bytes.
    Torn(u64),
    /// More than one write that was cut short can explain: something acknowledged is damaged.
    Damaged,
}

/// Judges the bytes from `place` to the end of the file.
pub(super) fn rest(file: &File, place: Place) -> io::Result<Rest> {
    let Some(last) = last_written(file, place.offset)? else { return Ok(Rest::Unwritten) };
    let written = last + 1 - place.offset;
    // Only one block was ever written without a sync before it.
    if written > block::padded_len(block::MAX_GROUP_BYTES) || holds_block(file, place)? {
        return Ok(Rest::Damaged);
    }
    Ok(Rest::Torn(written))
}

/// The offset of the last byte at or behind `from` that is not zero.
fn last_written(file: &File, from: u64) -> io::Result<Option<u64>> {
    let mut chunk = vec![0; 1 << 16];
    let mut offset = from;
    let mut last = None;
    loop {
        let read = file.read_at(&mut chunk, offset)?;
        let Some(bytes) = chunk.get(..read).filter(|bytes| !bytes.is_empty()) else { return Ok(last) };
        if let Some(at) = bytes.iter().rposition(|byte| *byte != 0) {
            last = Some(offset + at as u64);
        }
        offset += read as u64;
    }
}

/// Whether a good block begins anywhere behind `place`, within the reach of one block.
fn holds_block(file: &File, place: Place) -> io::Result<bool> {
    let mut region = Vec::new();
    let reach = block::padded_len(block::MAX_GROUP_BYTES);
    let mut input = file;
    input.seek(SeekFrom::Start(place.offset))?;
    input.take(2 * reach).read_to_end(&mut region)?;
    let step = block::ALIGNMENT as usize;
    Ok((step..region.len().min(reach as usize)).step_by(step).any(|at| {
        let place = Place { offset: place.offset + at as u64, ..place };
        region.get(at..).is_some_and(|bytes| begins_with_block(bytes, place))
    }))
}

fn begins_with_block(bytes: &[u8], place: Place) -> bool {
    let Some((header, rest)) = bytes.split_first_chunk::<{ block::HEADER }>() else { return false };
    let Some((length, sum)) = block::read_header(*header) else { return false };
    rest.get(..length).is_some_and(|payload| block::checksum(place, payload) == sum)
}
