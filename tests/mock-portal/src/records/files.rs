//! Receipts as files: one `.tlog-proof` (C2SP) for each open place, and `keys.json` with the keys that they are verified by.
//!
//! What must hold: a file is whole or not there; names come from codes and numbers alone.

use std::path::{Path, PathBuf};

use chukei_crypto::tlog::Pins;
use chukei_wire::body_code::BodyCode;
use serde::{Deserialize, Serialize};

use crate::failure::Failure;
use crate::protocol::ReceiptFile;

/// The file of keys.
pub(crate) const KEYS: &str = "keys.json";
/// What names of receipts end with.
pub(crate) const ENDING: &str = ".tlog-proof";

/// The keys of one log and of its witnesses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PinnedLog {
    /// The body whose log it is.
    pub(crate) body: String,
    /// The log's origin.
    pub(crate) origin: String,
    /// Verifier keys of the log and of its witnesses, as C2SP writes them.
    pub(crate) keys: Vec<String>,
}

/// What `keys.json` says.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct KeysFile {
    /// One for each log.
    pub(crate) logs: Vec<PinnedLog>,
}

/// Adds the keys of a log, once.
pub(super) fn pin(pinned: &mut Vec<PinnedLog>, body: BodyCode, pins: &Pins) {
    if pinned.iter().all(|log| log.origin != pins.origin()) {
        let keys = pins.keys().iter().map(ToString::to_string).collect();
        pinned.push(PinnedLog { body: body.to_string(), origin: pins.origin().to_owned(), keys });
    }
}

/// The file of keys.
pub(super) fn keys(pinned: &[PinnedLog]) -> Result<ReceiptFile, Failure> {
    let text = serde_json::to_string_pretty(&KeysFile { logs: pinned.to_vec() });
    let text = text.map_err(|error| Failure::internal(error.to_string()))? + "\n";
    Ok(ReceiptFile { name: KEYS.to_owned(), text })
}

/// The name of the receipt of a place.
pub(super) fn name(body: BodyCode, number: u64) -> String {
    format!("{body}-{number:06}{ENDING}")
}

/// The name of a checkpoint that is handed out by itself.
pub(super) fn checkpoint_name(body: BodyCode, which: &str) -> String {
    format!("{body}-{which}.checkpoint")
}

/// Writes files into a folder, which is made where it is not there.
pub(crate) fn write(folder: &Path, files: &[ReceiptFile]) -> Result<(), Failure> {
    let failed =
        |path: &Path, error: std::io::Error| Failure::internal(format!("{}: {error}", path.display()));
    std::fs::create_dir_all(folder).map_err(|error| failed(folder, error))?;
    for file in files {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-.".contains(c);
        if !file.name.chars().all(plain) || file.name.starts_with('.') {
            return Err(Failure::internal("the portal named a file that is none"));
        }
        let (path, part) = (folder.join(&file.name), folder.join(format!("{}.part", file.name)));
        let written = std::fs::write(&part, &file.text).and_then(|()| std::fs::rename(&part, &path));
        written.map_err(|error| failed(&path, error))?;
    }
    Ok(())
}

/// The receipts in a folder, in the order of their names, `max` at most.
pub(crate) fn receipts(folder: &Path, max: usize) -> std::io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let named =
            path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.ends_with(ENDING));
        if named && found.len() < max {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}
