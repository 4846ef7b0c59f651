//! Whether a file may have changed since it was last read, without reading it.
//!
//! A stamp that is the same says nothing against somebody who sets out to deceive it: whoever must know for sure
//! reads the file again from time to time.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// What the file system says of a file; `None` inside where there is none to see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FileStamp(Option<[i64; 4]>);

impl FileStamp {
    /// The stamp of the file at `path` now.
    pub(crate) fn of(path: &Path) -> Self {
        let of = |file: std::fs::Metadata| {
            [file.ino().cast_signed(), file.size().cast_signed(), file.ctime(), file.ctime_nsec()]
        };
        Self(std::fs::metadata(path).ok().map(of))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_changes_with_its_file() {
        let dir = tempfile::tempdir().unwrap();
        let (path, other) = (dir.path().join("a"), dir.path().join("b"));
        let none = FileStamp::of(&path);
        std::fs::write(&path, "one").unwrap();
        let one = FileStamp::of(&path);
        assert_eq!(FileStamp::of(&path), one);
        std::fs::write(&other, "two").unwrap();
        std::fs::rename(&other, &path).unwrap();
        let two = FileStamp::of(&path);
        assert!(none != one && one != two, "{none:?} {one:?} {two:?}");
    }
}
