//! Files of shares and root keys: created, never overwritten, readable by their owner alone, durable.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use chukei_crypto::custody::{SHARE_TEXT_MAX, Share, ShareTextError};
use chukei_relay_client::key_file::{self, KeyFileError};
use zeroize::Zeroizing;

use crate::failure::Failure;
use crate::folder;

/// The file name of a root, as providers look for it.
pub(super) fn root_name(owner: &str, number: u32) -> String {
    format!("{owner}.root-{number}.key")
}

/// The root's number, if `path` is named as providers name it.
pub(super) fn number_in_name(path: &Path, owner: &str) -> Option<u32> {
    let name = path.file_name()?.to_str()?;
    let number = name.strip_prefix(owner)?.strip_prefix(".root-")?.strip_suffix(".key")?.parse().ok()?;
    (root_name(owner, number) == name).then_some(number)
}

/// Reads a root key.
pub(super) fn read_root(path: &Path) -> Result<Zeroizing<[u8; 32]>, Failure> {
    key_file::read_array(path).map_err(|error| match error {
        KeyFileError::Malformed(_) => Failure::usage(
            "BAD_KEY_FILE",
            format!("{} はルート鍵ではありません。32バイトの鍵ファイルを指定してください", path.display()),
        ),
        KeyFileError::Io { source, .. } => io_failed(path, &source),
    })
}

/// Writes a root key to a new file.
pub(super) fn write_root(path: &Path, secret: &[u8; 32]) -> Result<(), Failure> {
    create(path, key_file::text(secret).as_bytes())?;
    folder::sync_of(path).map_err(|error| io_failed(path, &error))
}

/// Reads a share.
pub(super) fn read_share(path: &Path) -> Result<Share, Failure> {
    let file = File::open(path).map_err(|error| io_failed(path, &error))?;
    // Room for one byte more than allowed, so that reading never moves the secret to a larger buffer.
    let mut text = Zeroizing::new(Vec::with_capacity(SHARE_TEXT_MAX + 1));
    file.take(SHARE_TEXT_MAX as u64 + 1).read_to_end(&mut text).map_err(|error| io_failed(path, &error))?;
    let share = match std::str::from_utf8(&text) {
        Ok(text) => Share::from_text(text),
        Err(_) => Err(ShareTextError::Malformed),
    };
    share.map_err(|error| {
        let (code, what) = match error {
            ShareTextError::Malformed => {
                ("SHARE_MALFORMED", "はシェアではありません。ファイルを確認してください")
            }
            ShareTextError::Version => {
                ("SHARE_VERSION", "は新しい形式のシェアです。新しい版の chukei を使ってください")
            }
            ShareTextError::Damaged => (
                "SHARE_DAMAGED",
                "は壊れているか打ち間違いがあります。控えと1行ずつ照合するか、別のシェアを使ってください",
            ),
        };
        Failure::usage(code, format!("{} {what}", path.display()))
    })
}

/// Writes one new file per share into `dir`, all or none, and returns their paths.
pub(super) fn write_shares(dir: &Path, shares: &[Share]) -> Result<Vec<PathBuf>, Failure> {
    DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(|error| io_failed(dir, &error))?;
    let mut written = Vec::new();
    for share in shares {
        let set = share.set();
        let name = format!("{}.root-{}.share-{}-of-{}.txt", set.owner, set.root, share.index(), set.shares);
        let path = dir.join(name);
        if let Err(failure) = create(&path, share.to_text().as_bytes()) {
            // Half a set is of no use, and would be in the way of the next attempt.
            written.iter().for_each(|path: &PathBuf| drop(fs::remove_file(path)));
            return Err(failure);
        }
        written.push(path);
    }
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(|error| io_failed(dir, &error))?;
    Ok(written)
}

pub(super) fn create(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let opened = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    let mut file = opened.map_err(|error| io_failed(path, &error))?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(|error| {
        let _ = fs::remove_file(path);
        io_failed(path, &error)
    })
}

/// A file could not be read or written.
pub(super) fn io_failed(path: &Path, error: &io::Error) -> Failure {
    let path = path.display();
    match error.kind() {
        ErrorKind::AlreadyExists => Failure::usage(
            "FILE_EXISTS",
            format!("{path} は既にあり、上書きしません。別の場所を指定してください"),
        ),
        ErrorKind::NotFound => {
            Failure::usage("FILE_NOT_FOUND", format!("{path} がありません。指定を確認してください"))
        }
        _ => Failure::other("FILE_IO", format!("{path}: {error}。場所、権限、空き容量を確認してください")),
    }
}
