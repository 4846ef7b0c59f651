//! The folder that a file lies in: what makes the file's name durable.

use std::fs::File;
use std::io;
use std::path::Path;

/// The folder of `path`, also where no folder is named.
pub(crate) fn of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Makes durable that `path` is there under its name.
pub(crate) fn sync_of(path: &Path) -> io::Result<()> {
    File::open(of(path))?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_named_without_a_folder_lies_in_the_current_one() {
        for (path, folder) in [("face.key", "."), ("keys/face.key", "keys"), ("/face.key", "/")] {
            assert_eq!(of(Path::new(path)), Path::new(folder), "{path}");
        }
        assert!(sync_of(Path::new("face.key")).is_ok());
    }
}
