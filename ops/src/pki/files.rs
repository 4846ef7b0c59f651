//! Writing the files of the folder: atomically, secrets readable by their owner alone.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use chukei_relay_client::key_file;
use zeroize::Zeroizing;

use super::PkiError;
use crate::folder;

/// Longest certificate, key or record that is read back, bytes.
const TEXT_MAX: usize = 64 * 1024;
const SECRET: u32 = 0o600;
const PUBLIC: u32 = 0o644;

/// Creates a secret key file; one that exists is never overwritten, because it may be the only copy.
pub(crate) fn create_secret_key(path: &Path, key: &[u8]) -> Result<(), PkiError> {
    create(path, key_file::text(key).as_bytes(), SECRET)
}

/// Creates a public key file.
pub(super) fn create_public_key(path: &Path, key: &[u8]) -> Result<(), PkiError> {
    create(path, key_file::text(key).as_bytes(), PUBLIC)
}

/// Creates a secret file of text that must not exist yet.
pub(super) fn create_secret(path: &Path, text: &str) -> Result<(), PkiError> {
    create(path, text.as_bytes(), SECRET)
}

/// Replaces a public file: readers see the old bytes or the new ones, also after a power cut.
pub(super) fn replace_public(path: &Path, bytes: &[u8]) -> Result<(), PkiError> {
    replace(path, bytes, PUBLIC)
}

/// Replaces a secret file in the same way: a hop key is renewed together with its certificate.
pub(super) fn replace_secret(path: &Path, bytes: &[u8]) -> Result<(), PkiError> {
    replace(path, bytes, SECRET)
}

/// Reads a small text file, which may be a secret.
pub(super) fn read_text(path: &Path) -> Result<Zeroizing<String>, PkiError> {
    read_long(path, TEXT_MAX)
}

/// Reads a text file of at most `max` bytes.
pub(super) fn read_long(path: &Path, max: usize) -> Result<Zeroizing<String>, PkiError> {
    let file = File::open(path).map_err(|source| io(path, source))?;
    // Room for one byte more than allowed, so that reading never moves a secret to a larger buffer.
    let mut text = Zeroizing::new(String::with_capacity(max.min(TEXT_MAX) + 1));
    let limit = u64::try_from(max.saturating_add(1)).map_err(|_| PkiError::Malformed(path.to_owned()))?;
    file.take(limit).read_to_string(&mut text).map_err(|source| io(path, source))?;
    if text.len() > max { Err(PkiError::Malformed(path.to_owned())) } else { Ok(text) }
}

/// Creates a folder that only its owner enters, unless it is there.
pub(super) fn ensure_folder(path: &Path) -> Result<(), PkiError> {
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map_err(|source| io(path, source))?;
    sync_folder_of(path)
}

pub(super) fn io(path: &Path, source: std::io::Error) -> PkiError {
    if source.kind() == std::io::ErrorKind::AlreadyExists {
        return PkiError::Exists(path.to_owned());
    }
    PkiError::Io { path: path.to_owned(), source }
}

fn create(path: &Path, bytes: &[u8], mode: u32) -> Result<(), PkiError> {
    write_new(path, bytes, mode)?;
    sync_folder_of(path)
}

fn replace(path: &Path, bytes: &[u8], mode: u32) -> Result<(), PkiError> {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    let temporary = PathBuf::from(name);
    // Left behind by a crash; the folder's lock says that nobody is writing it now.
    match fs::remove_file(&temporary) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(io(&temporary, error)),
        _ => {}
    }
    write_new(&temporary, bytes, mode)?;
    fs::rename(&temporary, path).map_err(|source| io(path, source))?;
    sync_folder_of(path)
}

fn write_new(path: &Path, bytes: &[u8], mode: u32) -> Result<(), PkiError> {
    let opened = OpenOptions::new().write(true).create_new(true).mode(mode).open(path);
    let mut file = opened.map_err(|source| io(path, source))?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(|source| io(path, source))
}

fn sync_folder_of(path: &Path) -> Result<(), PkiError> {
    folder::sync_of(path).map_err(|source| io(folder::of(path), source))
}
