//! Key files: one line of lower-case hexadecimal, whatever the key is (seed, PKCS#8, public key).
//!
//! What must hold: a file is bounded before it is read, and what was read leaves memory with its owner. Nothing
//! of a file's content stands in an error.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use data_encoding::{HEXLOWER, HEXLOWER_PERMISSIVE};
use zeroize::Zeroizing;

/// Longest key file, bytes of text.
const TEXT_MAX: usize = 16 * 1024;

/// Why a key file was refused.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// The file system refused.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// Not one line of hexadecimal, or not of the length that this key has.
    #[error("{0} is no key file of the expected kind")]
    Malformed(PathBuf),
}

/// The bytes of the key in `path`.
pub fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, KeyFileError> {
    let failed = |source| KeyFileError::Io { path: path.to_owned(), source };
    let malformed = || KeyFileError::Malformed(path.to_owned());
    let file = File::open(path).map_err(failed)?;
    // Room for one byte more than allowed, so that reading never moves the secret to a larger buffer.
    let mut text = Zeroizing::new(Vec::with_capacity(TEXT_MAX + 1));
    let limit = u64::try_from(TEXT_MAX + 1).map_err(|_| malformed())?;
    file.take(limit).read_to_end(&mut text).map_err(failed)?;
    let line = text.trim_ascii();
    if text.len() > TEXT_MAX || line.is_empty() {
        return Err(malformed());
    }
    HEXLOWER_PERMISSIVE.decode(line).map(Zeroizing::new).map_err(|_| malformed())
}

/// The key in `path`, which has exactly `N` bytes.
pub fn read_array<const N: usize>(path: &Path) -> Result<Zeroizing<[u8; N]>, KeyFileError> {
    let bytes = read(path)?;
    let mut key = Zeroizing::new([0; N]);
    if bytes.len() != N {
        return Err(KeyFileError::Malformed(path.to_owned()));
    }
    key.copy_from_slice(&bytes);
    Ok(key)
}

/// The text of a key file for `key`.
pub fn text(key: &[u8]) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(key.len() * 2 + 1));
    HEXLOWER.encode_append(key, &mut text);
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_everything_else_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.key");
        std::fs::write(&path, &*text(&[7; 32])).unwrap();
        assert_eq!(read(&path).unwrap().as_slice(), [7; 32]);
        assert_eq!(*read_array::<32>(&path).unwrap(), [7; 32]);
        assert!(matches!(read_array::<31>(&path), Err(KeyFileError::Malformed(_))));
        for bad in [String::new(), "0".into(), "zz".into(), "00\n00".into(), "00".repeat(TEXT_MAX)] {
            std::fs::write(&path, bad).unwrap();
            assert!(matches!(read(&path), Err(KeyFileError::Malformed(_))));
        }
        assert!(matches!(read(&dir.path().join("none")), Err(KeyFileError::Io { .. })));
    }
}
