//! What a recording may take, and the end of one that takes more.
//!
//! What is recorded comes through a pipe and is kept in memory, so that nothing is left on any disk, however the test
//! ends. Past its bounds every recorded process is killed; the recorder ends with the last of them.

use std::fs;
use std::io::{self, PipeReader, Read, pipe};
use std::os::fd::AsRawFd;
use std::process::{Command, Output, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::error::TrialError;

/// The bounds of one recording.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// Bytes of the recorder's text: many times what any engine's life comes to.
    pub(crate) bytes: u64,
    /// From the start to the end of the last recorded process.
    pub(crate) time: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { bytes: 1 << 30, time: Duration::from_secs(300) }
    }
}

/// How often new recorded processes are looked for while they are ended.
const LOOK: Duration = Duration::from_millis(20);

/// What the watch is told.
enum News {
    Ended,
    Full,
}

/// Runs the recorder, to whose command `finish` adds the file that it is to write to, and gives back what it wrote.
pub(crate) fn watched(
    mut command: Command,
    bounds: Bounds,
    finish: impl FnOnce(&mut Command, &str),
) -> Result<(Output, String), TrialError> {
    let (from, into) = pipe()?;
    finish(&mut command, &format!("/proc/{}/fd/{}", std::process::id(), into.as_raw_fd()));
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let recorder = child.id();
    let (news, told) = channel();
    thread::scope(|scope| {
        let full = news.clone();
        let text = scope.spawn(move || {
            read(from, bounds.bytes, || {
                // Nobody listens any more when it has ended meanwhile.
                let _ = full.send(News::Full);
            })
        });
        let watch = scope.spawn(move || watch(recorder, bounds, &told));
        let output = child.wait_with_output();
        drop(into);
        let text: io::Result<Option<String>> = text.join().unwrap_or_else(|_| Err(panicked()));
        let _ = news.send(News::Ended);
        let endless = watch.join().map_err(|_| panicked())?;
        match (endless, text?) {
            (Some(why), _) => Err(TrialError::Endless(why)),
            (None, None) => Err(TrialError::Endless(too_much(bounds))),
            (None, Some(text)) => Ok((output?, text)),
        }
    })
}

fn panicked() -> io::Error {
    io::Error::other("a thread panicked")
}

fn too_much(bounds: Bounds) -> String {
    format!("its recording grew past {} bytes", bounds.bytes)
}

/// The whole text; `None` if it is longer, which is told at once. The rest is taken in nevertheless: the recorder must live
/// until the recorded processes are ended, which it alone knows.
fn read(mut from: PipeReader, most: u64, full: impl FnOnce()) -> io::Result<Option<String>> {
    let mut text = Vec::new();
    from.by_ref().take(most).read_to_end(&mut text)?;
    if from.read(&mut [0])? == 0 {
        return String::from_utf8(text).map(Some).map_err(io::Error::other);
    }
    drop(text);
    full();
    io::copy(&mut from, &mut io::sink())?;
    Ok(None)
}

/// Ends what goes past its bounds, and says why.
fn watch(recorder: u32, bounds: Bounds, told: &Receiver<News>) -> Option<String> {
    let why = match told.recv_timeout(bounds.time) {
        Ok(News::Ended) | Err(RecvTimeoutError::Disconnected) => return None,
        Ok(News::Full) => too_much(bounds),
        Err(RecvTimeoutError::Timeout) => format!("it ran longer than {:?}", bounds.time),
    };
    // Those that were about to start others while they were killed have done so by then.
    let until = Instant::now() + bounds.time;
    while Instant::now() < until {
        end_recorded_by(recorder);
        if !matches!(told.recv_timeout(LOOK), Err(RecvTimeoutError::Timeout)) {
            break;
        }
    }
    Some(why)
}

/// Kills all processes that the recorder records now.
fn end_recorded_by(recorder: u32) {
    let tracer = format!("TracerPid:\t{recorder}\n");
    let Ok(processes) = fs::read_dir("/proc") else { return };
    for process in processes.flatten() {
        let recorded =
            fs::read_to_string(process.path().join("status")).is_ok_and(|status| status.contains(&tracer));
        let name = process.file_name();
        let id = name.to_str().and_then(|name| name.parse().ok()).and_then(Pid::from_raw);
        if let Some(id) = id.filter(|_| recorded) {
            // It may have ended meanwhile.
            let _ = kill_process(id, Signal::KILL);
        }
    }
}
