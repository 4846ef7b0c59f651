//! A folder with all that is in it, held in memory.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::Path;

/// A file or folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Image {
    /// A file's bytes.
    File(Vec<u8>),
    /// A folder's names.
    Folder(BTreeMap<OsString, Image>),
}

impl Default for Image {
    fn default() -> Self {
        Self::Folder(BTreeMap::new())
    }
}

impl Image {
    /// What lies at `path`, which holds files and folders only.
    pub(crate) fn read(path: &Path) -> io::Result<Self> {
        if fs::symlink_metadata(path)?.is_file() {
            return fs::read(path).map(Self::File);
        }
        let names = fs::read_dir(path)?.map(|entry| {
            let entry = entry?;
            Ok((entry.file_name(), Self::read(&entry.path())?))
        });
        names.collect::<io::Result<_>>().map(Self::Folder)
    }

    /// Puts it at `path`, where nothing may be, or an empty folder.
    pub(crate) fn write(&self, path: &Path) -> io::Result<()> {
        match self {
            Self::File(bytes) => fs::write(path, bytes),
            Self::Folder(names) => {
                if !path.is_dir() {
                    fs::create_dir(path)?;
                }
                names.iter().try_for_each(|(name, image)| image.write(&path.join(name)))
            }
        }
    }

    #[cfg(test)]
    /// The file at `path` below this folder.
    pub(crate) fn file(&self, path: &str) -> Option<&[u8]> {
        let found = path.split('/').try_fold(self, |image, name| match image {
            Self::Folder(names) => names.get(std::ffi::OsStr::new(name)),
            Self::File(_) => None,
        });
        match found? {
            Self::File(bytes) => Some(bytes),
            Self::Folder(_) => None,
        }
    }
}
