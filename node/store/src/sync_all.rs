//! Many files made durable at once: with one sync of their file system, where that is as good as one for each of them.
//!
//! What must hold: whoever gets `Ok` has all of it on the disk. So syncfs(2) is used only where it is known to write data and
//! lengths and to tell of what could not be written: on ext4 and XFS, from Linux 5.17 on (before, it kept errors to itself), for
//! files that all lie on one of them; and in memory, where tests do. A file's own sync behind it tells of a file system that was
//! given up meanwhile, of which syncfs says nothing, and sees to the device's cache. Everywhere else each is synced by itself.

use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::sync::LazyLock;

use rustix::fs::{FsWord, fstatfs, syncfs};
use rustix::system::uname;

/// What statfs(2) says of ext4, and of what came before it.
const EXT4: FsWord = 0xEF53;
/// What it says of XFS.
const XFS: FsWord = 0x5846_5342;
/// What it says of memory, where nothing lasts in either way.
const TMPFS: FsWord = 0x0102_1994;

static TELLS: LazyLock<bool> = LazyLock::new(|| uname().release().to_str().is_ok_and(tells));

/// Makes durable what was written to these files. The first was opened before any of them was written to: what could not be
/// written is told to whoever had a file open before. Names are not covered.
pub(crate) fn sync_all(files: &[File]) -> io::Result<()> {
    if let [first, others @ ..] = files
        && !others.is_empty()
        && *TELLS
        && lie_together(first, others)?
        && syncfs(first).is_ok()
    {
        return first.sync_data();
    }
    // Where the other failed it may have been for somebody else's file: each tells of itself what it did not tell before.
    files.iter().try_for_each(File::sync_data)
}

/// Whether all of them lie on one file system whose sync is known to be as good.
fn lie_together(first: &File, others: &[File]) -> io::Result<bool> {
    if !matches!(fstatfs(first)?.f_type, EXT4 | XFS | TMPFS) {
        return Ok(false);
    }
    let device = first.metadata()?.dev();
    for file in others {
        if file.metadata()?.dev() != device {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether syncfs(2) of this release of Linux tells of data that could not be written.
fn tells(release: &str) -> bool {
    let mut numbers = release.split(|letter: char| !letter.is_ascii_digit()).map(str::parse::<u32>);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(major)), Some(Ok(minor))) => (major, minor) >= (5, 17),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn only_kernels_that_tell_of_what_was_not_written_are_asked_to_sync_a_whole_file_system() {
        for release in ["5.17.0", "5.19.0-50-generic", "6.1.0-18-cloud", "10.0"] {
            assert!(tells(release), "{release}");
        }
        for release in ["5.16.20", "5.8.0", "4.18.0-553.el8", "3.10", "6", "", "rolling", "x.9.1"] {
            assert!(!tells(release), "{release}");
        }
    }

    #[test]
    fn any_number_of_files_is_synced_wherever_they_lie() {
        let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir_in("/dev/shm").unwrap()];
        for count in [0, 1, 2, 9] {
            let file = |at: usize| {
                let mut file = tempfile::tempfile_in(&folders[at % 2]).unwrap();
                file.write_all(b"entry").unwrap();
                file
            };
            sync_all(&(0..count).map(|at| file(2 * at)).collect::<Vec<_>>()).unwrap();
            sync_all(&(0..count).map(file).collect::<Vec<_>>()).unwrap();
        }
        let unwritable = File::open("/proc/version").unwrap();
        assert!(sync_all(&[unwritable]).is_err(), "what cannot be synced is told");
    }
}
