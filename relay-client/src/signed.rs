//! Files that the offline root has signed (R24): the bytes as they are, and a detached signature beside them.
//!
//! What must hold: not one byte is believed before the signature has verified, and a signature for one purpose fits no
//! other. Deliberately absent: what is in the files.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use chukei_crypto::sign::{self, SigningKey};

/// Longest signature or root file, bytes.
const HEX_FILE_MAX: u64 = 256;

/// Why a signed file was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignedError {
    /// The file, its signature or the root's public key cannot be read.
    #[error("the file, its signature or the root's public key cannot be read")]
    Unreadable,
    /// The signature is not the root's over these bytes.
    #[error("CONFIG_TAMPERED: the file does not carry its root's signature")]
    Tampered,
}

/// Where the detached signature of a file lies: beside it, with `.sig` behind its name.
pub fn signature_path(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".sig");
    PathBuf::from(name)
}

/// The text of the signature file for `bytes`. `purpose` is signed before them.
pub fn sign(purpose: &[u8], bytes: &[u8], root: &SigningKey) -> String {
    data_encoding::HEXLOWER.encode(&root.sign(&[purpose, bytes].concat()))
}

/// Reads at most `limit` bytes at `path`, the signature beside them and the root's Ed25519 public key (hexadecimal).
/// Believes nothing yet.
pub(crate) fn read_unverified(
    path: &Path,
    root_public: &Path,
    limit: u64,
) -> Result<[Vec<u8>; 3], SignedError> {
    Ok([read(path, limit)?, read_hex(&signature_path(path))?, read_hex(root_public)?])
}

/// Whether `signature` is that of `root`, an Ed25519 public key, over `bytes` for this purpose.
pub(crate) fn verify(purpose: &[u8], bytes: &[u8], signature: &[u8], root: &[u8]) -> Result<(), SignedError> {
    sign::verify(root, &[purpose, bytes].concat(), signature).map_err(|_| SignedError::Tampered)
}

/// The bytes of the file at `path`, at most `limit`, once their signature has verified.
pub fn load(purpose: &[u8], path: &Path, root_public: &Path, limit: u64) -> Result<Vec<u8>, SignedError> {
    let [bytes, signature, root] = read_unverified(path, root_public, limit)?;
    verify(purpose, &bytes, &signature, &root)?;
    Ok(bytes)
}

fn read(path: &Path, limit: u64) -> Result<Vec<u8>, SignedError> {
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(|_| SignedError::Unreadable)?;
    file.take(limit + 1).read_to_end(&mut bytes).map_err(|_| SignedError::Unreadable)?;
    let within = u64::try_from(bytes.len()).is_ok_and(|length| length <= limit);
    if within { Ok(bytes) } else { Err(SignedError::Unreadable) }
}

fn read_hex(path: &Path) -> Result<Vec<u8>, SignedError> {
    let text = read(path, HEX_FILE_MAX)?;
    data_encoding::HEXLOWER.decode(text.trim_ascii()).map_err(|_| SignedError::Unreadable)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const PURPOSE: &[u8] = b"chukei test v1\0";

    fn signed() -> (tempfile::TempDir, PathBuf, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let root = SigningKey::from_pkcs8(&SigningKey::generate().unwrap()).unwrap();
        let (file, public) = (folder.path().join("file"), folder.path().join("root.pub"));
        fs::write(&file, b"what was decided").unwrap();
        fs::write(signature_path(&file), sign(PURPOSE, b"what was decided", &root) + "\n").unwrap();
        fs::write(&public, data_encoding::HEXLOWER.encode(&root.public())).unwrap();
        (folder, file, public)
    }

    #[test]
    fn r24_every_changed_byte_and_every_other_purpose_is_refused() {
        let (_folder, file, public) = signed();
        assert_eq!(load(PURPOSE, &file, &public, 64).unwrap(), b"what was decided");
        assert_eq!(load(b"chukei other v1\0", &file, &public, 64), Err(SignedError::Tampered));
        for place in 0..16 {
            let mut bytes = b"what was decided".to_vec();
            bytes[place] ^= 1;
            fs::write(&file, &bytes).unwrap();
            assert_eq!(load(PURPOSE, &file, &public, 64), Err(SignedError::Tampered));
        }
    }

    #[test]
    fn what_is_longer_than_its_limit_or_missing_is_not_read() {
        let (_folder, file, public) = signed();
        assert_eq!(load(PURPOSE, &file, &public, 15), Err(SignedError::Unreadable));
        fs::remove_file(signature_path(&file)).unwrap();
        assert_eq!(load(PURPOSE, &file, &public, 64), Err(SignedError::Unreadable));
    }
}
