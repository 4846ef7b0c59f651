//! Disks that fail: small ones that can be filled, and calls of a running role that do not succeed.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Whether a test fails where it would be skipped.
fn is_required() -> bool {
    std::env::var("CHUKEI_REQUIRE_SERVICES").is_ok_and(|value| value == "1")
}

/// A small disk, and the file that fills it.
pub(crate) struct SmallDisk(PathBuf);

impl SmallDisk {
    /// A file system of six megabytes in memory; none where this process may not mount one.
    pub(crate) fn mount(at: &Path) -> Option<Self> {
        Self::mount_of(at, 6)
    }

    /// One of so many megabytes.
    pub(crate) fn mount_of(at: &Path, megabytes: u32) -> Option<Self> {
        fs::create_dir(at).unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={megabytes}m"), "chukei-test"])
            .arg(at)
            .output()
            .is_ok_and(|output| output.status.success());
        assert!(mounted || !is_required(), "a file system in memory is needed");
        mounted.then(|| Self(at.to_owned()))
    }

    /// Lets it take writes (`rw`) or none (`ro`).
    pub(crate) fn remount(&self, how: &str) {
        let status = Command::new("mount").args(["-o", &format!("remount,{how}")]).arg(&self.0).status();
        assert!(status.unwrap().success(), "{how}");
    }

    /// Moves the body's file here and leaves a link.
    pub(crate) fn take(&self, file: &Path) {
        let target = self.0.join("rows.sqlite");
        fs::copy(file, &target).unwrap();
        fs::remove_file(file).unwrap();
        std::os::unix::fs::symlink(&target, file).unwrap();
    }

    /// Puts the file back where it was.
    pub(crate) fn give_back(&self, file: &Path) {
        fs::remove_file(file).unwrap();
        fs::copy(self.0.join("rows.sqlite"), file).unwrap();
    }

    /// Leaves no space.
    pub(crate) fn fill(&self) {
        let mut filler = fs::File::create(self.0.join("filler")).unwrap();
        while filler.write_all(&[0; 4_096]).is_ok() {}
    }

    /// Fills or empties it so that so many kilobytes are free.
    pub(crate) fn leave(&self, kilobytes: u64) {
        let filler =
            fs::OpenOptions::new().create(true).truncate(false).write(true).open(self.0.join("filler"));
        let filler = filler.unwrap();
        let disk = rustix::fs::statvfs(&self.0).unwrap();
        let (free, taken) = (disk.f_bavail * disk.f_frsize, filler.metadata().unwrap().len());
        let length = (free + taken).saturating_sub(kilobytes << 10);
        if length < taken {
            filler.set_len(length).unwrap();
        } else if length > taken {
            rustix::fs::fallocate(&filler, rustix::fs::FallocateFlags::empty(), 0, length).unwrap();
        }
    }

    /// Gives the space back.
    pub(crate) fn empty(&self) {
        fs::remove_file(self.0.join("filler")).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: a node that still runs after a failed test may have it open.
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

/// Some calls of a process fail on some files until this is dropped.
pub(crate) struct FailingCalls(Child);

impl FailingCalls {
    /// Lets `calls` of the process fail with `error` on `files`; none where it cannot be traced.
    pub(crate) fn of(pid: &str, calls: &str, error: &str, files: &[PathBuf]) -> Option<Self> {
        Self::injected(pid, calls, &format!("error={error}"), files)
    }

    /// Lets `calls` of the process on `files` wait until this is dropped; none where it cannot be traced.
    pub(crate) fn held(pid: &str, calls: &str, files: &[PathBuf]) -> Option<Self> {
        Self::injected(pid, calls, "delay_enter=120s", files)
    }

    fn injected(pid: &str, calls: &str, what: &str, files: &[PathBuf]) -> Option<Self> {
        let mut command = Command::new("strace");
        command.args(["-f", "-o", "/dev/null", "-p", pid]);
        command.args(["-e", &format!("trace={calls}"), "-e", &format!("inject={calls}:{what}")]);
        command.args(files.iter().flat_map(|file| ["-P".as_ref(), file.as_os_str()]));
        let started = command.stderr(Stdio::piped()).spawn().ok().and_then(|mut strace| {
            let mut said = BufReader::new(strace.stderr.take()?).lines();
            let attached = said.any(|line| line.is_ok_and(|line| line.contains("attached")));
            // Read on, so that it never waits for its reader.
            std::thread::spawn(move || said.count());
            let failing = Self(strace);
            attached.then_some(failing)
        });
        assert!(started.is_some() || !is_required(), "strace is needed");
        started
    }
}

impl Drop for FailingCalls {
    fn drop(&mut self) {
        // In order: killed outright, it would leave the process stopped.
        let _ = Command::new("kill").args(["-INT", &self.0.id().to_string()]).status();
        let _ = self.0.wait();
    }
}
