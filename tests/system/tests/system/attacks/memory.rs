//! What a process has in its memory, read by its parent, and what lies in files.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use memchr::memmem::Finder;

/// Bytes read at once.
const STEP: usize = 4 * 1024 * 1024;

/// Which of `needles` stand in the readable memory of process `pid`; an error where this process may not look.
pub(crate) fn found_in_process(pid: u32, needles: &[Vec<u8>]) -> io::Result<Vec<usize>> {
    let memory = File::open(format!("/proc/{pid}/mem"))?;
    let maps = std::fs::read_to_string(format!("/proc/{pid}/maps"))?;
    let mut found = Found::of(needles);
    let mut read = 0;
    for (start, end) in maps.lines().filter_map(readable) {
        read += found.read(start, end, |buffer, at| memory.read_at(buffer, at));
    }
    if read == 0 {
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    Ok(found.indices())
}

/// Start and end of a mapping that is readable and is memory, not a device of the kernel.
fn readable(line: &str) -> Option<(u64, u64)> {
    let mut fields = line.split_whitespace();
    let (range, rights) = (fields.next()?, fields.next()?);
    if !rights.starts_with('r') || line.ends_with("[vvar]") || line.ends_with("[vsyscall]") {
        return None;
    }
    let (start, end) = range.split_once('-')?;
    Some((u64::from_str_radix(start, 16).ok()?, u64::from_str_radix(end, 16).ok()?))
}

/// Which of `needles` stand in the files below `folder`, each with the name of the first such file.
pub(crate) fn found_in_files(folder: &Path, needles: &[Vec<u8>]) -> Vec<(usize, String)> {
    let mut hits = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let kind = std::fs::symlink_metadata(&path).unwrap().file_type();
        if kind.is_dir() {
            hits.extend(found_in_files(&path, needles));
        } else if kind.is_file() {
            let found = found_in_bytes(&std::fs::read(&path).unwrap(), needles);
            hits.extend(found.into_iter().map(|needle| (needle, path.display().to_string())));
        }
    }
    hits
}

/// Which of `needles` stand in `bytes`.
pub(crate) fn found_in_bytes(bytes: &[u8], needles: &[Vec<u8>]) -> Vec<usize> {
    let mut found = Found::of(needles);
    found.look(bytes);
    found.indices()
}

struct Found<'a> {
    finders: Vec<(Finder<'a>, bool)>,
    overlap: usize,
}

impl<'a> Found<'a> {
    fn of(needles: &'a [Vec<u8>]) -> Self {
        let finders = needles.iter().map(|needle| (Finder::new(needle), false)).collect();
        Self { finders, overlap: needles.iter().map(Vec::len).max().unwrap_or(1) - 1 }
    }

    /// Reads from `start` to `end` in steps that overlap by a needle; how many bytes could be read. A mapping that
    /// goes away meanwhile, or a page that is not there, is passed over.
    fn read(&mut self, start: u64, end: u64, read: impl Fn(&mut [u8], u64) -> io::Result<usize>) -> u64 {
        let mut buffer = vec![0; STEP];
        let (mut at, mut total) = (start, 0);
        while at < end {
            let wanted = usize::try_from(end - at).map_or(STEP, |left| left.min(STEP));
            let Ok(length) = read(&mut buffer[..wanted], at) else { break };
            self.look(&buffer[..length]);
            total += length as u64;
            if length <= self.overlap {
                break;
            }
            at += if length == wanted && wanted < STEP { length } else { length - self.overlap } as u64;
        }
        total
    }

    fn look(&mut self, bytes: &[u8]) {
        for (finder, found) in &mut self.finders {
            *found = *found || finder.find(bytes).is_some();
        }
    }

    fn indices(&self) -> Vec<usize> {
        let found = self.finders.iter().enumerate().filter(|(_, (_, found))| *found);
        found.map(|(index, _)| index).collect()
    }
}
