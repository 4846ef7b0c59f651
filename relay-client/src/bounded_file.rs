//! Whole files of bounded length.
//!
//! What must hold: no more is read than is allowed, whatever the file says of its length.

use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::Path;

/// Longest file of certificates in PEM, bytes.
pub const PEM_MAX: usize = 1 << 20;

/// The bytes of `path`; where there are more than `limit`, [`ErrorKind::FileTooLarge`].
pub fn read(path: &Path, limit: usize) -> io::Result<Vec<u8>> {
    let file = File::open(path)?;
    let stated = usize::try_from(file.metadata()?.len()).unwrap_or(usize::MAX);
    // Room for one byte more than allowed, so that reading never moves a secret to a larger buffer.
    let mut bytes = Vec::with_capacity(stated.min(limit).saturating_add(1));
    file.take(u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() > limit { Err(ErrorKind::FileTooLarge.into()) } else { Ok(bytes) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_is_read_than_is_allowed_whatever_a_file_says_of_its_length() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, b"12345").unwrap();
        assert_eq!(read(&path, 5).unwrap(), b"12345");
        assert_eq!(read(&path, 4).unwrap_err().kind(), ErrorKind::FileTooLarge);
        assert_eq!(read(&folder.path().join("none"), 5).unwrap_err().kind(), ErrorKind::NotFound);
        // It says that it is empty.
        assert_eq!(read(Path::new("/dev/zero"), 5).unwrap_err().kind(), ErrorKind::FileTooLarge);
    }
}
