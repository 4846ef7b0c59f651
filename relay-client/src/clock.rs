//! The one place where the time is read, so that every role, rule and certificate check shares one clock.
//!
//! What must hold: no other file calls `SystemTime::now` (clippy refuses it). A development clock follows a
//! file; whether a role may use one is decided by its configuration, not here.

use std::fmt;
use std::fs::{self, Metadata};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rustls::pki_types::UnixTime;
use rustls::time_provider::TimeProvider;

/// How long a reading of the file's metadata stands before it is looked at again.
const LOOK_AGAIN: Duration = Duration::from_millis(50);
/// Longest clock file that is read, bytes.
const FILE_MAX: u64 = 64;

/// A source of wall-clock time. Cheap to clone; clones share what they have read.
#[derive(Clone)]
pub struct Clock(Source);

#[derive(Clone)]
enum Source {
    System,
    File(Arc<ClockFile>),
}

struct ClockFile {
    path: PathBuf,
    state: Mutex<FileState>,
}

struct FileState {
    looked_at: Option<Instant>,
    stamp: Option<(SystemTime, u64)>,
    offset_ms: i64,
    warned: bool,
}

/// Why the text of a clock file was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a clock file holds an offset such as +31d, +12h, -30m, +45s, or an RFC 3339 instant")]
pub struct BadClockFile;

impl Clock {
    /// The machine's clock.
    pub fn system() -> Self {
        Self(Source::System)
    }

    /// For development: the machine's clock moved by what the file says, either an offset (`+31d`, `+12h`,
    /// `-30m`, `+45s`) or an RFC 3339 instant that runs on from the file's modification time.
    ///
    /// A file that is missing, unreadable or malformed leaves the last good reading in force, at first the
    /// machine's own time. A change is seen within 50 ms.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        let state = FileState { looked_at: None, stamp: None, offset_ms: 0, warned: false };
        Self(Source::File(Arc::new(ClockFile { path: path.into(), state: Mutex::new(state) })))
    }

    /// Milliseconds since the Unix epoch.
    pub fn now_ms(&self) -> u64 {
        match &self.0 {
            Source::System => system_ms(),
            Source::File(file) => file.now_ms(),
        }
    }

    /// The same clock for certificate checks.
    pub fn tls_time(&self) -> Arc<dyn TimeProvider> {
        Arc::new(self.clone())
    }

    /// The present for one certificate check.
    pub fn unix_time(&self) -> UnixTime {
        UnixTime::since_unix_epoch(Duration::from_millis(self.now_ms()))
    }
}

impl TimeProvider for Clock {
    fn current_time(&self) -> Option<UnixTime> {
        Some(self.unix_time())
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.0 {
            Source::System => "Clock(system)",
            Source::File(_) => "Clock(file)",
        })
    }
}

impl ClockFile {
    fn now_ms(&self) -> u64 {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.looked_at.is_none_or(|at| at.elapsed() >= LOOK_AGAIN) {
            state.looked_at = Some(Instant::now());
            state.look(&self.path);
        }
        system_ms().saturating_add_signed(state.offset_ms)
    }
}

impl FileState {
    fn look(&mut self, path: &Path) {
        let stamp = fs::metadata(path).ok().as_ref().and_then(stamp);
        if stamp.is_some() && stamp == self.stamp {
            return;
        }
        match stamp.ok_or(BadClockFile).and_then(|(modified, length)| read_offset(path, modified, length)) {
            Ok(offset_ms) => {
                self.offset_ms = offset_ms;
                self.warned = false;
            }
            Err(reason) if !self.warned => {
                tracing::warn!(%reason, "clock file not usable; the last good reading stays in force");
                self.warned = true;
            }
            Err(_) => {}
        }
        self.stamp = stamp;
    }
}

fn stamp(metadata: &Metadata) -> Option<(SystemTime, u64)> {
    Some((metadata.modified().ok()?, metadata.len()))
}

fn read_offset(path: &Path, modified: SystemTime, length: u64) -> Result<i64, BadClockFile> {
    if length > FILE_MAX {
        return Err(BadClockFile);
    }
    let text = fs::read_to_string(path).map_err(|_| BadClockFile)?;
    parse_offset(text.trim(), epoch_ms(modified))
}

/// The offset in milliseconds that a clock file's text stands for, given when it was written.
fn parse_offset(text: &str, modified_ms: u64) -> Result<i64, BadClockFile> {
    if let Some(offset) = parse_relative(text) {
        return Ok(offset);
    }
    let instant: jiff::Timestamp = text.parse().map_err(|_| BadClockFile)?;
    let modified = i64::try_from(modified_ms).map_err(|_| BadClockFile)?;
    instant.as_millisecond().checked_sub(modified).ok_or(BadClockFile)
}

fn parse_relative(text: &str) -> Option<i64> {
    let (sign, rest) = match text.as_bytes() {
        [b'+', ..] => (1, text.get(1..)?),
        [b'-', ..] => (-1, text.get(1..)?),
        _ => return None,
    };
    let (digits, unit) = rest.split_at_checked(rest.len().checked_sub(1)?)?;
    let unit_ms: i64 = match unit {
        "d" => 86_400_000,
        "h" => 3_600_000,
        "m" => 60_000,
        "s" => 1_000,
        _ => return None,
    };
    let all_digits = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let count: i64 = all_digits.then(|| digits.parse().ok())??;
    count.checked_mul(unit_ms)?.checked_mul(sign)
}

#[expect(
    clippy::disallowed_methods,
    reason = "this is the seam that every other reader of the time goes through"
)]
fn system_ms() -> u64 {
    epoch_ms(SystemTime::now())
}

fn epoch_ms(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_and_instants_are_read_and_everything_else_is_refused() {
        assert_eq!(parse_offset("+31d", 0), Ok(31 * 86_400_000));
        assert_eq!(parse_offset("+12h", 0), Ok(12 * 3_600_000));
        assert_eq!(parse_offset("-30m", 0), Ok(-30 * 60_000));
        assert_eq!(parse_offset("+45s", 0), Ok(45_000));
        assert_eq!(parse_offset("1970-01-01T09:00:10+09:00", 4_000), Ok(6_000));
        for bad in
            ["", "+", "31d", "+d", "+3w", "+-3d", "+１d", "tomorrow", "+99999999999999999d", "2026-11-21"]
        {
            assert_eq!(parse_offset(bad, 0), Err(BadClockFile), "{bad:?}");
        }
    }

    fn look(state: &mut FileState, path: &Path) -> i64 {
        state.look(path);
        state.offset_ms
    }

    #[test]
    fn a_changed_file_is_followed_and_a_broken_one_leaves_the_last_good_reading() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("clock");
        let mut state = FileState { looked_at: None, stamp: None, offset_ms: 0, warned: false };
        assert_eq!(look(&mut state, &path), 0);
        fs::write(&path, "+1d\n").unwrap();
        assert_eq!(look(&mut state, &path), 86_400_000);
        fs::write(&path, "nonsense").unwrap();
        assert_eq!(look(&mut state, &path), 86_400_000);
        fs::write(&path, "x".repeat(65)).unwrap();
        assert_eq!(look(&mut state, &path), 86_400_000);
        fs::remove_file(&path).unwrap();
        assert_eq!(look(&mut state, &path), 86_400_000);
        fs::write(&path, "-2h").unwrap();
        assert_eq!(look(&mut state, &path), -7_200_000);
    }

    #[test]
    fn an_instant_runs_on_from_when_the_file_was_written() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("clock");
        fs::write(&path, "2031-04-01T00:00:00+09:00").unwrap();
        let now = Clock::file(&path).now_ms();
        let start = 1_932_735_600_000;
        assert!((start..start + 600_000).contains(&now), "{now}");
    }
}
