//! Bytes to begin with: every hexadecimal dump of every snapshot, every string of the test vectors, and changes of each that
//! are the same at every run.

use std::path::{Path, PathBuf};

use serde_json::Value;

/// Changes tried of each dump.
const CHANGES: u64 = 6;
/// Shorter runs of hexadecimal digits are words.
const DIGITS_MIN: usize = 4;

/// All of them. Nothing at all and single bytes are among them.
pub(crate) fn all() -> Vec<Vec<u8>> {
    let mut seeds = frozen();
    assert!(seeds.len() > 250, "only {} dumps found in the snapshots", seeds.len());
    let changed: Vec<_> =
        seeds.iter().flat_map(|seed| (0..CHANGES).map(|number| changed(seed, number))).collect();
    seeds.extend(changed);
    seeds.push(Vec::new());
    seeds.extend((0..=u8::MAX).map(|byte| vec![byte]));
    seeds
}

/// What the snapshots and the vectors of the repository say is written.
fn frozen() -> Vec<Vec<u8>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut files = Vec::new();
    for part in ["crypto", "node", "relay-client"] {
        files_below(&root.join(part), &mut files);
    }
    files.sort();
    let mut found = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        match file.extension().and_then(|extension| extension.to_str()) {
            Some("snap") => found.extend(dumps(&text)),
            _ => strings(&serde_json::from_str(&text).unwrap(), &mut found),
        }
    }
    found
}

/// Snapshots, and what lies in a folder of vectors.
fn files_below(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files_below(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "snap")
            || folder.ends_with("vectors") && path.extension().is_some_and(|extension| extension == "json")
        {
            found.push(path);
        }
    }
}

/// Dumps of one snapshot: the last word of a line, or indented lines that continue one another.
fn dumps(text: &str) -> Vec<Vec<u8>> {
    let mut found: Vec<Vec<u8>> = Vec::new();
    let mut within = false;
    for line in text.lines() {
        let indented = line.starts_with("  ");
        let bytes = line.split_whitespace().next_back().and_then(hex);
        match (bytes, found.last_mut()) {
            (Some(bytes), Some(last)) if indented && within => last.extend(bytes),
            (Some(bytes), _) => found.push(bytes),
            (None, _) => {}
        }
        within = indented;
    }
    found
}

/// Strings of vectors: bytes where they are hexadecimal, and their text otherwise.
fn strings(value: &Value, found: &mut Vec<Vec<u8>>) {
    match value {
        Value::String(text) if !text.is_empty() => {
            found.push(hex(text).unwrap_or_else(|| text.as_bytes().to_vec()));
        }
        Value::Array(values) => values.iter().for_each(|value| strings(value, found)),
        Value::Object(values) => values.values().for_each(|value| strings(value, found)),
        _ => {}
    }
}

fn hex(word: &str) -> Option<Vec<u8>> {
    (word.len() >= DIGITS_MIN).then(|| data_encoding::HEXLOWER.decode(word.as_bytes()).ok())?
}

/// `seed` with one change: cut off, a byte set, a bit turned, a byte left out or said twice.
fn changed(seed: &[u8], number: u64) -> Vec<u8> {
    let draw = mixed(number ^ mixed(seed.len() as u64) ^ u64::from(seed[seed.len() / 2]));
    let at = (draw >> 8) as usize % seed.len();
    let byte = (draw >> 3) as u8;
    let mut bytes = seed.to_vec();
    match number % CHANGES {
        0 => bytes.truncate(at),
        1 => bytes[at] = byte,
        2 => bytes[at] ^= 1 << (draw % 8),
        3 => drop(bytes.remove(at)),
        4 => bytes.insert(at, bytes[at]),
        _ => bytes.push(byte),
    }
    bytes
}

/// The finalisation of SplitMix64: every bit of the draw depends on every bit of `seed`.
fn mixed(seed: u64) -> u64 {
    let mut draw = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    draw = (draw ^ (draw >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    draw = (draw ^ (draw >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    draw ^ (draw >> 31)
}
