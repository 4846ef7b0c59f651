//! A backup's folder: `manifest.cbor`, `rows.img`, `journal.img`; written beside its name and renamed when whole.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use chukei_crypto::hash::sha256;

use super::error::ImageError;
use super::format::{Chunk, FORMAT, MAGIC, MAX_CHUNK_BYTES};
use super::manifest::{ChunkSum, FileSums, MAX_MANIFEST_BYTES};
use crate::durable_file::sync_dir;

const MANIFEST: &str = "manifest.cbor";

/// Which file of a backup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImageFile {
    /// The rows.
    Rows,
    /// The entries of the journal.
    Journal,
}

impl ImageFile {
    fn name(self) -> &'static str {
        match self {
            Self::Rows => "rows.img",
            Self::Journal => "journal.img",
        }
    }

    fn head(self) -> Vec<u8> {
        let what = match self {
            Self::Rows => b'R',
            Self::Journal => b'J',
        };
        [MAGIC, &[FORMAT, what]].concat()
    }
}

/// Writes a backup's folder. Dropped unfinished, it leaves a folder whose name ends in `.partial`.
pub struct ImageWriter {
    partial: PathBuf,
    folder: PathBuf,
    rows: File,
    journal: File,
}

impl ImageWriter {
    /// Bytes of the longest payload of a chunk.
    pub const MAX_PAYLOAD: usize = MAX_CHUNK_BYTES;

    /// Begins the folder `folder`, which is not there yet; its parent is.
    pub fn create(folder: &Path) -> Result<Self, ImageError> {
        if folder.try_exists().map_err(|error| failed(folder, error))? {
            return Err(failed(folder, io::ErrorKind::AlreadyExists.into()));
        }
        let mut partial = folder.as_os_str().to_owned();
        partial.push(".partial");
        let partial = PathBuf::from(partial);
        fs::DirBuilder::new().mode(0o700).create(&partial).map_err(|error| failed(&partial, error))?;
        let begin = |file: ImageFile| {
            let path = partial.join(file.name());
            let mut options = OpenOptions::new();
            let opened = options.write(true).create_new(true).mode(0o600).open(&path);
            let begun = opened.and_then(|mut opened| opened.write_all(&file.head()).map(|()| opened));
            begun.map_err(|error| failed(&path, error))
        };
        let (rows, journal) = (begin(ImageFile::Rows)?, begin(ImageFile::Journal)?);
        Ok(Self { folder: folder.to_owned(), rows, journal, partial })
    }

    /// Appends a chunk.
    pub fn chunk(&mut self, file: ImageFile, payload: &[u8]) -> Result<ChunkSum, ImageError> {
        let sum = Chunk::of(payload.to_vec()).sum;
        let out = match file {
            ImageFile::Rows => &mut self.rows,
            ImageFile::Journal => &mut self.journal,
        };
        let written = out
            .write_all(&sum.bytes.to_be_bytes())
            .and_then(|()| out.write_all(&sum.sha256))
            .and_then(|()| out.write_all(payload));
        written.map_err(|error| failed(&self.partial.join(file.name()), error))?;
        Ok(sum)
    }

    /// Writes the signed manifest, makes everything durable, and gives the folder its name.
    pub fn finish(self, manifest: &[u8]) -> Result<PathBuf, ImageError> {
        let path = self.partial.join(MANIFEST);
        let written = (|| {
            let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
            file.write_all(manifest)?;
            file.sync_all()?;
            self.rows.sync_all()?;
            self.journal.sync_all()?;
            sync_dir(&self.partial)?;
            fs::rename(&self.partial, &self.folder)?;
            let parent = self.folder.parent().filter(|parent| !parent.as_os_str().is_empty());
            sync_dir(parent.unwrap_or(Path::new(".")))
        })();
        written.map_err(|error| failed(&self.folder, error))?;
        Ok(self.folder)
    }
}

/// Bytes of the signed manifest in `folder`.
pub(super) fn read_manifest(folder: &Path) -> Result<Vec<u8>, ImageError> {
    let path = folder.join(MANIFEST);
    let limit = MAX_MANIFEST_BYTES as u64 + 1;
    let mut bytes = Vec::new();
    File::open(&path)
        .and_then(|file| file.take(limit).read_to_end(&mut bytes))
        .map_err(|error| failed(&path, error))?;
    Ok(bytes)
}

/// The payloads of a file, each as its sum says, and nothing behind the last. Yields an error once, then nothing.
pub(super) struct Payloads {
    file: BufReader<File>,
    path: PathBuf,
    sums: std::vec::IntoIter<ChunkSum>,
    over: bool,
}

impl Payloads {
    pub(super) fn open(folder: &Path, file: ImageFile, sums: &FileSums) -> Result<Self, ImageError> {
        let path = folder.join(file.name());
        let opened = BufReader::new(File::open(&path).map_err(|error| failed(&path, error))?);
        let sums = sums.chunks.clone().into_iter();
        let mut payloads = Self { file: opened, path, sums, over: false };
        let mut head = file.head();
        payloads.exactly(&mut head)?;
        if head == file.head() { Ok(payloads) } else { Err(ImageError::Altered("the head of a file")) }
    }

    fn read(&mut self, sum: ChunkSum) -> Result<Vec<u8>, ImageError> {
        let mut head = [0; 36];
        self.exactly(&mut head)?;
        let length = usize::try_from(sum.bytes).unwrap_or(usize::MAX);
        if head != frame(sum) || length > MAX_CHUNK_BYTES {
            return Err(ImageError::Altered("the frame of a chunk"));
        }
        let mut payload = vec![0; length];
        self.exactly(&mut payload)?;
        if sha256(&payload) == sum.sha256 { Ok(payload) } else { Err(ImageError::Altered("a chunk")) }
    }

    fn exactly(&mut self, out: &mut [u8]) -> Result<(), ImageError> {
        self.file.read_exact(out).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => ImageError::Altered("a file that was cut short"),
            _ => failed(&self.path, error),
        })
    }

    fn end(&mut self) -> Result<(), ImageError> {
        match self.file.read(&mut [0]) {
            Ok(0) => Ok(()),
            Ok(_) => Err(ImageError::Altered("bytes behind the last chunk")),
            Err(error) => Err(failed(&self.path, error)),
        }
    }
}

impl Iterator for Payloads {
    type Item = Result<Vec<u8>, ImageError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.over {
            return None;
        }
        let item = match self.sums.next() {
            Some(sum) => Some(self.read(sum)),
            None => self.end().err().map(Err),
        };
        self.over = !matches!(item, Some(Ok(_)));
        item
    }
}

fn frame(sum: ChunkSum) -> [u8; 36] {
    let mut frame = [0; 36];
    let (length, hash) = frame.split_at_mut(4);
    length.copy_from_slice(&sum.bytes.to_be_bytes());
    hash.copy_from_slice(&sum.sha256);
    frame
}

pub(super) fn failed(path: &Path, source: io::Error) -> ImageError {
    ImageError::Io { path: path.to_owned(), source }
}
