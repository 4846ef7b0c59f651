//! Running a test's child under the recorder.

use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::bounds::{Bounds, watched};
use crate::disk::Disk;
use crate::error::TrialError;
use crate::files;
use crate::image::Image;
use crate::step::Step;

/// Set for the child: the folder it works in.
const CHILD: &str = "CHUKEI_POWER_CUT_FOLDER";
/// Set for the child once it was killed and started anew.
const ANEW: &str = "CHUKEI_POWER_CUT_ANEW";
/// Set for the child whose calls fail.
const FAULTY: &str = "CHUKEI_POWER_CUT_FAULTY";
/// With the value 1, what is not installed is a failure.
const REQUIRE: &str = "CHUKEI_REQUIRE_SERVICES";
/// Recordings made until one tells everything.
const ATTEMPTS: u32 = 50;
/// How a line begins that the child says to the test.
pub(crate) const SAID: &str = "power-cut: ";

/// Bytes of a string that are recorded: more than any single write.
const STRING_MAX: &str = "67108864";
/// Every call that changes files or names, or says which file a descriptor of which process stands for. Those with a question mark
/// are not on every machine.
const CALLS: &str = "trace=?open,openat,?openat2,?creat,close,?close_range,?dup,?dup2,dup3,fcntl,lseek,read,readv,\
write,writev,pwrite64,pwritev,pwritev2,ftruncate,truncate,fallocate,fsync,fdatasync,sync_file_range,sync,syncfs,\
?rename,renameat,renameat2,?unlink,unlinkat,?rmdir,?mkdir,mkdirat,?link,linkat,?symlink,symlinkat,mmap,\
copy_file_range,sendfile,splice,chdir,fchdir,execve,clone,?clone3,?fork,?vfork";

/// In the child: the folder that it is to work in; `None` in the test itself.
pub fn child() -> Option<PathBuf> {
    std::env::var_os(CHILD).map(PathBuf::from)
}

/// In the child, and only there: says one line to the test. Its place among the file calls is recorded with it, so what is told here
/// as done must survive every later cut.
pub fn say(line: &str) {
    if child().is_none() {
        return;
    }
    // One call, and nobody is left to tell if it fails.
    let _ = std::io::stderr().write_all(format!("{SAID}{line}\n").as_bytes());
}

/// In the child: kills the process in whatever its threads are doing, and starts it anew on the folder as the kernel
/// has it, synced or not. Returns only if that fails.
pub fn start_anew() -> std::io::Error {
    match std::env::current_exe() {
        Ok(program) => Command::new(program).args(std::env::args_os().skip(1)).env(ANEW, "1").exec(),
        Err(error) => error,
    }
}

/// In the child: whether it is the one after [`start_anew`].
pub fn started_anew() -> bool {
    std::env::var_os(ANEW).is_some()
}

/// In the child: whether calls on its files fail now and then ([`Fault`]).
pub fn faulty() -> bool {
    std::env::var_os(FAULTY).is_some()
}

/// Calls that are not done and fail, each at some of its first turns on each thread.
#[derive(Clone, Copy, Debug)]
pub struct Fault {
    /// Their names, separated by commas.
    pub calls: &'static str,
    /// The name of the error, such as `EIO`.
    pub error: &'static str,
}

/// At which turns: the first, and each so many later up to the last.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Turns {
    pub(crate) fault: Fault,
    pub(crate) first: u32,
    pub(crate) last: u32,
    pub(crate) step: u32,
}

/// The installed `strace`.
pub(crate) struct Recorder {
    program: PathBuf,
    /// What a recording may take.
    pub(crate) bounds: Bounds,
}

/// What a run did.
#[derive(Clone)]
pub(crate) struct Recording {
    pub(crate) before: Image,
    pub(crate) steps: Vec<Step>,
    /// Whether it is cut on a disk that forgets what a sync failed for.
    pub(crate) forgetful: bool,
}

impl Recorder {
    /// Finds the recorder, or says that the test is skipped without it; where services are required, the program is
    /// run in any case and its absence becomes a failure.
    pub(crate) fn find() -> Option<Self> {
        let program = PathBuf::from("strace");
        let works = Command::new(&program)
            .args(["-qq", "-o", "/dev/null", "-e", "trace=none", "true"])
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success());
        if works || std::env::var(REQUIRE).as_deref() == Ok("1") {
            return Some(Self { program, bounds: Bounds::default() });
        }
        eprintln!("skipped: strace is not installed, or may not trace here");
        None
    }

    /// Records `test` of the running executable in a folder that is like `before`.
    pub(crate) fn record(
        &self,
        test: &str,
        before: &Image,
        failing: Option<Turns>,
    ) -> Result<Recording, TrialError> {
        for _ in 0..ATTEMPTS {
            let root = tempfile::tempdir_in(crate::trial::memory())?;
            before.write(root.path())?;
            match self.steps(test, root.path(), before, failing) {
                Err(TrialError::Interrupted) => {}
                steps => return Ok(Recording { before: before.clone(), steps: steps?, forgetful: false }),
            }
        }
        Err(TrialError::Interrupted)
    }

    fn steps(
        &self,
        test: &str,
        root: &Path,
        before: &Image,
        failing: Option<Turns>,
    ) -> Result<Vec<Step>, TrialError> {
        let mut command = Command::new(&self.program);
        if let Some(Turns { fault: Fault { calls, error }, first, last, step }) = failing {
            command
                .arg("-e")
                .arg(format!("inject={calls}:error={error}:when={first}..{last}+{step}"))
                .env(FAULTY, "1");
        }
        command
            .args([
                "-f",
                // It ends when nobody reads what it writes.
                "-I",
                "1",
                "--seccomp-bpf",
                "-qq",
                "-xx",
                "-s",
                STRING_MAX,
                "-e",
                "signal=none",
                "-e",
                CALLS,
            ])
            .current_dir(root)
            .env(CHILD, root);
        let program = std::env::current_exe()?;
        let (child, text) = watched(command, self.bounds, |command, text| {
            command.arg("-o").arg(text).arg("--").arg(&program).args([
                "--exact",
                test,
                "--nocapture",
                "--test-threads=1",
            ]);
        })?;
        if !child.status.success() {
            let said = String::from_utf8_lossy(&child.stderr).into_owned();
            let end = said.char_indices().rev().nth(2000).map_or(0, |(at, _)| at);
            return Err(TrialError::Child(said.get(end..).unwrap_or_default().to_owned()));
        }
        let steps = files::steps(&text, root, before)?;
        let mut disk = Disk::new(before, false);
        steps.iter().for_each(|step| disk.take(step));
        if !disk.leads_to(&Image::read(root)?) {
            return Err(TrialError::Interrupted);
        }
        let acknowledged = steps.iter().any(|step| matches!(step, Step::Said(_)));
        let changed = steps.iter().any(|step| matches!(step, Step::File { .. } | Step::Name { .. }));
        if acknowledged && changed { Ok(steps) } else { Err(TrialError::Empty) }
    }
}
