//! Files that survive a power cut, or are gone for good after one: a name is durable only when its directory was
//! synced too.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

/// Makes the names in `dir` durable.
pub fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

/// Creates `dir` readable by its owner alone, durably, unless it is there.
pub fn ensure_dir(dir: &Path) -> io::Result<()> {
    match fs::DirBuilder::new().mode(0o700).create(dir) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && dir.is_dir() => {}
        Err(error) => return Err(error),
    }
    // Also for one that was there: whoever created it may have been stopped before this step.
    if dir.parent().is_some() { sync_dir(folder_of(dir)?) } else { Ok(()) }
}

/// Replaces the file at `path` by `bytes`: after a crash it holds either all of the old or all of the new.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let dir = folder_of(path)?;
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(".new");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&temporary)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&temporary, path)?;
    sync_dir(dir)
}

/// Destroys the file at `path`: overwritten with zeros, removed, and both made durable; tells whether it was there.
///
/// Overwriting is best effort. A journalling or copy-on-write file system, a solid-state disk or a snapshot may keep
/// what stood there: who must be sure keeps such files in memory or their keys in hardware.
pub fn destroy(path: &Path) -> io::Result<bool> {
    let length = match fs::symlink_metadata(path) {
        Ok(found) => found.len(),
        // Whoever removed it may have been stopped before the next step.
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return match sync_dir(folder_of(path)?) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
                _ => Ok(false),
            };
        }
        Err(error) => return Err(error),
    };
    if let Err(error) = overwrite(path, length) {
        tracing::warn!(cause = %error, "a file is removed without being overwritten");
    }
    fs::remove_file(path)?;
    sync_dir(folder_of(path)?)?;
    Ok(true)
}

fn overwrite(path: &Path, length: u64) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).open(path)?;
    io::copy(&mut io::Read::take(io::repeat(0), length), &mut file)?;
    file.sync_all()
}

/// The folder of `path`, which for a bare name is the one the process works in.
fn folder_of(path: &Path) -> io::Result<&Path> {
    let folder = path.parent().ok_or(io::ErrorKind::InvalidInput)?;
    Ok(if folder.as_os_str().is_empty() { Path::new(".") } else { folder })
}
