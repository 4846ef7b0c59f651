//! Tests: where zeros are written before blocks are, and that they are never written over them.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use super::segment::{self, Disk, HEADER_BYTES, Medium};
use super::tests::{append, count};
use super::{Journal, JournalOptions};

const PATIENCE: Duration = Duration::from_secs(20);
const SEGMENT: u64 = 256 << 10;

/// Which file, and which zeros were written to it.
type Zeros = (u64, Range<u64>);

#[derive(Clone, Default)]
struct Recording(Arc<(Mutex<Vec<Zeros>>, Condvar)>);

impl Recording {
    fn zeros(&self, dir: &Path, number: u64) -> u64 {
        zeros_end(&self.0.0.lock().unwrap(), dir, number)
    }

    fn wait_for_zeros(&self, dir: &Path, number: u64, end: u64) {
        let missing = |written: &mut Vec<_>| zeros_end(written, dir, number) < end;
        let waited = self.0.1.wait_timeout_while(self.0.0.lock().unwrap(), PATIENCE, missing);
        assert!(!waited.unwrap().1.timed_out(), "no zeros are written to segment {number}");
    }
}

/// Where the zeros end that were written one behind the other to a segment, if it is there.
fn zeros_end(written: &[Zeros], dir: &Path, number: u64) -> u64 {
    let Ok(file) = std::fs::metadata(segment::path(dir, number)) else { return 0 };
    let of = written.iter().filter(|(ino, _)| *ino == file.ino()).map(|(_, zeros)| zeros);
    of.fold(HEADER_BYTES, |end, zeros| {
        assert_eq!(zeros.start, end, "zeros over what may be written");
        zeros.end
    })
}

impl Medium for Recording {
    fn allocate(&self, file: &File, len: u64) -> io::Result<()> {
        Disk.allocate(file, len)
    }

    fn write(&self, file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
        if !bytes.is_empty() && bytes.iter().all(|byte| *byte == 0) {
            let zeros = offset..offset + bytes.len() as u64;
            self.0.0.lock().unwrap().push((file.metadata()?.ino(), zeros));
            self.0.1.notify_all();
        }
        Disk.write(file, bytes, offset)
    }

    fn sync(&self, file: &File) -> io::Result<()> {
        Disk.sync(file)
    }

    fn replace(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        Disk.replace(path, bytes)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        Disk.remove(path)
    }
}

#[tokio::test]
async fn journal_writes_zeros_before_many_small_blocks_and_not_before_few_large_ones() {
    let (dir, disk) = (tempfile::tempdir().unwrap(), Recording::default());
    let options = JournalOptions { segment_bytes: SEGMENT, ..JournalOptions::default() };
    let (journal, _) = Journal::open_on(dir.path(), options, disk.clone()).unwrap();
    let grows = || journal.status().unwrap().segments as u64;
    let mut written = 0;
    let write = async |length: usize, until: &dyn Fn() -> bool| {
        let mut entries = 0;
        while !until() {
            append(&journal, length).await.unwrap();
            entries += 1;
        }
        entries
    };

    written += write(1, &|| grows() == 1).await;
    assert_eq!(disk.zeros(dir.path(), 1), SEGMENT, "the first is made ready at once");
    written += write(256, &|| segment_is_half_full(dir.path(), 1)).await;
    disk.wait_for_zeros(dir.path(), 2, SEGMENT);
    written += write(256, &|| grows() == 2).await;

    written += write(8 << 10, &|| grows() == 3).await;
    written += write(8 << 10, &|| grows() == 4).await;
    assert_eq!(disk.zeros(dir.path(), 3), HEADER_BYTES, "few large blocks need none");
    assert_eq!(count(&journal), written);
}

fn segment_is_half_full(dir: &Path, number: u64) -> bool {
    let bytes = std::fs::read(segment::path(dir, number)).unwrap();
    bytes.iter().rposition(|byte| *byte != 0).is_some_and(|last| last as u64 > SEGMENT / 2)
}
