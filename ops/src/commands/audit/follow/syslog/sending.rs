//! What was sent, and what of that the receiver is known to have read.
//!
//! ```text
//! syslog.json   beside the copy: the receiver, and the first entry that it is not known to have read
//! ```

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use chukei_wire::body_code::BodyCode;
use serde::{Deserialize, Serialize};

use super::super::copy::replaced;
use super::message::frame;
use super::source::Source;
use super::stream::{Stream, Target};
use crate::failure::Failure;

/// A receiver is asked whether it has read everything after so many events.
const PROVE_AFTER: u64 = 4_096;
/// The same, after so long.
const PROVE_EVERY: Duration = Duration::from_secs(60);

/// Which is kept.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct State {
    format: u32,
    to: String,
    /// The first entry that the receiver is not known to have read.
    next: u64,
}

/// Events on their way to one receiver. Blocking.
pub(super) struct Sending {
    target: Target,
    dir: PathBuf,
    body: BodyCode,
    state: State,
    source: Source,
    open: Option<(Stream, Instant)>,
}

impl Sending {
    /// Goes on with this receiver, or begins with entry `next` where it is another one than before.
    pub(super) fn open(target: Target, dir: &Path, body: BodyCode, next: u64) -> Result<Self, Failure> {
        let path = dir.join("syslog.json");
        let unusable = |error: &dyn std::fmt::Display| {
            Failure::other(
                "FILE_IO",
                format!(
                    "{}: {error}。写しのフォルダーの場所、権限、空き容量を確認してください",
                    path.display()
                ),
            )
        };
        let known: Option<State> = match std::fs::read(&path) {
            Ok(bytes) => Some(serde_json::from_slice(&bytes).map_err(|error| unusable(&error))?),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(unusable(&error)),
        };
        let known = known.filter(|known| known.format == 1 && known.to == target.to());
        let state = known.unwrap_or_else(|| State { format: 1, to: target.to().to_owned(), next });
        let source = Source::new(dir, state.next);
        let sending = Self { target, dir: dir.to_owned(), body, state, source, open: None };
        sending.store().map_err(|error| unusable(&error))?;
        Ok(sending)
    }

    /// Number of the first entry that was not sent.
    pub(super) fn next(&self) -> u64 {
        self.source.next()
    }

    /// Sends some of the entries before number `until`; whether there are more. After a failure, what the receiver is not known to
    /// have read is sent again.
    pub(super) fn turn(&mut self, until: u64) -> io::Result<bool> {
        let sent = self.some(until);
        if sent.is_err() {
            self.lost();
        }
        sent
    }

    /// Has the receiver say that it has read everything.
    pub(super) fn prove(&mut self) -> io::Result<()> {
        let Some((stream, _)) = self.open.take() else { return Ok(()) };
        if let Err(error) = stream.end() {
            self.lost();
            return Err(error);
        }
        self.state.next = self.source.next();
        self.store()
    }

    fn some(&mut self, until: u64) -> io::Result<bool> {
        if let Some((stream, since)) = &mut self.open {
            stream.look()?;
            let unproven = self.source.next() - self.state.next;
            if unproven >= PROVE_AFTER || since.elapsed() >= PROVE_EVERY {
                self.prove()?;
            }
        }
        let entries = self.source.read(until)?;
        if entries.is_empty() {
            return Ok(false);
        }
        let bytes: Vec<u8> = entries.iter().flat_map(|entry| frame(self.body, entry).into_bytes()).collect();
        let (mut stream, since) = match self.open.take() {
            Some(open) => open,
            None => (self.target.connect()?, Instant::now()),
        };
        stream.send(&bytes)?;
        self.open = Some((stream, since));
        Ok(self.source.next() < until)
    }

    fn lost(&mut self) {
        self.open = None;
        self.source = Source::new(&self.dir, self.state.next);
    }

    fn store(&self) -> io::Result<()> {
        let bytes = serde_json::to_vec(&self.state).map_err(io::Error::other)?;
        replaced(&self.dir.join("syslog.json"), &bytes)
    }
}
