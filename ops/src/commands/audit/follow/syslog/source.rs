//! Entries as the copy has them, in order from a number on.
//!
//! What must hold: nothing is read that the copy does not call durable.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use chukei_wire::id::RequestId;
use serde::Deserialize;

use super::message::Told;

/// Entries read at a time.
const BATCH: usize = 1_024;

/// A place in the copy's files.
pub(super) struct Source {
    dir: PathBuf,
    /// First number of the file that is read, and how far; none before the first look.
    at: Option<(u64, u64)>,
    next: u64,
}

/// A line of the copy.
#[derive(Deserialize)]
struct Line {
    seq: u64,
    at_ms: u64,
    kind: u8,
    request: Option<String>,
}

impl Source {
    /// From number `next` on.
    pub(super) fn new(dir: &Path, next: u64) -> Self {
        Self { dir: dir.to_owned(), at: None, next }
    }

    /// Number of the first entry that was not read.
    pub(super) fn next(&self) -> u64 {
        self.next
    }

    /// The next entries before number `until`; none where all were read. What was given up before it was copied is passed over.
    pub(super) fn read(&mut self, until: u64) -> io::Result<Vec<Told>> {
        let mut found = Vec::new();
        let mut files = self.files()?;
        while found.len() < BATCH && self.next < until {
            let begins = files.iter().rfind(|first| **first <= self.next).or(files.first());
            let Some((file, offset)) = self.at.or(begins.map(|first| (*first, 0))) else { break };
            let offset = self.read_file((file, offset), until, &mut found)?;
            self.at = Some((file, offset));
            files.retain(|first| *first > file);
            match files.first() {
                Some(first) if found.len() < BATCH && self.next < until => self.at = Some((*first, 0)),
                _ => break,
            }
        }
        Ok(found)
    }

    /// Reads on in one file; how far.
    fn read_file(
        &mut self,
        (file, mut offset): (u64, u64),
        until: u64,
        found: &mut Vec<Told>,
    ) -> io::Result<u64> {
        let mut input = BufReader::new(File::open(self.dir.join(format!("entries-{file:016}.jsonl")))?);
        input.seek(SeekFrom::Start(offset))?;
        let mut line = Vec::new();
        while found.len() < BATCH && self.next < until {
            line.clear();
            let length = input.read_until(b'\n', &mut line)?;
            if !line.ends_with(b"\n") {
                break;
            }
            let Line { seq, at_ms, kind, request } = serde_json::from_slice(&line)?;
            if seq >= until {
                break;
            }
            offset += length as u64;
            if seq < self.next {
                continue;
            }
            let request: Option<RequestId> = request.and_then(|request| request.parse().ok());
            found.push(Told { number: seq, at_ms, kind, request });
            self.next = seq + 1;
        }
        Ok(offset)
    }

    /// First numbers of the copy's files, in order.
    fn files(&self) -> io::Result<Vec<u64>> {
        let mut firsts = Vec::new();
        for entry in fs::read_dir(&self.dir)? {
            let name = entry?.file_name();
            let first = name.to_str().and_then(|name| name.strip_prefix("entries-")?.strip_suffix(".jsonl"));
            firsts.extend(first.and_then(|first| first.parse::<u64>().ok()));
        }
        firsts.sort_unstable();
        Ok(firsts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(dir: &Path, first: u64, numbers: &[u64]) {
        let line = |number: &u64| {
            format!("{{\"seq\":{number},\"at_ms\":1,\"kind\":1,\"request\":null,\"sealed\":\"\"}}\n")
        };
        let text: String = numbers.iter().map(line).collect();
        fs::write(dir.join(format!("entries-{first:016}.jsonl")), text).unwrap();
    }

    fn numbers(source: &mut Source, until: u64) -> Vec<u64> {
        source.read(until).unwrap().iter().map(|told| told.number).collect()
    }

    #[test]
    fn entries_are_read_in_order_over_files_and_gaps_and_not_past_what_is_durable() {
        let dir = tempfile::tempdir().unwrap();
        assert!(numbers(&mut Source::new(dir.path(), 1), 9).is_empty());
        write(dir.path(), 1, &[1, 2, 3]);
        write(dir.path(), 4, &[4, 9, 10, 11]);
        let mut source = Source::new(dir.path(), 1);
        assert_eq!(numbers(&mut source, 3), [1, 2]);
        assert!(numbers(&mut source, 3).is_empty());
        assert_eq!(numbers(&mut source, 11), [3, 4, 9, 10]);
        write(dir.path(), 4, &[4, 9, 10, 11, 12]);
        write(dir.path(), 13, &[13]);
        assert_eq!(numbers(&mut source, 14), [11, 12, 13]);
        assert!(numbers(&mut source, 14).is_empty());
        assert_eq!(source.next(), 14);
        for (from, expected) in [(2, vec![2, 3, 4]), (5, vec![]), (9, vec![9])] {
            assert_eq!(numbers(&mut Source::new(dir.path(), from), 10)[..expected.len()], expected, "{from}");
        }
    }
}
