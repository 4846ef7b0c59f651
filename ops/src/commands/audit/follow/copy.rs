//! The copy on this machine: entries as they lie, leaves, checkpoints, and how far all of that is durable.
//!
//! ```text
//! state.json                    how far entries and leaves are durable, and the tree over the leaves
//! entries-<first number>.jsonl  sealed entries, one a line
//! leaves                        leaf hashes, 32 bytes each, from the first on
//! checkpoints/<day>.note        the last checkpoint of each day (Japan), with its cosignatures
//! ```
//!
//! What must hold: bytes count up to what the state says, and the rest is written over; the tree is made of the leaves here, and is
//! compared with every checkpoint, each of which a broker has cosigned. One process at a time writes it.

use std::fs::{self, File, OpenOptions};
use std::io::{BufWriter, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use chukei_crypto::tlog::{Frontier, Hash, SignedCheckpoint, Standing};
use chukei_relay_client::clock::Clock;
use chukei_relay_client::log_key::{LogKey, LogOrigin};
use chukei_relay_client::peers::PeerList;
use chukei_wire::body_code::BodyCode;
use chukei_wire::message::audit::{AuditFollowPage, FollowedEntry, FollowedHead};
use data_encoding::{BASE64, HEXLOWER};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::failure::Failure;
use crate::folder;
use crate::japan_time;

/// A file of entries of so many bytes takes no more.
const FILE_FULL: u64 = 64 << 20;

/// How far the copy is durable.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct State {
    format: u32,
    body: String,
    /// Number of the next entry.
    next: u64,
    /// First number of the file that grows, and what of it counts.
    file: u64,
    file_bytes: u64,
    /// Leaves, and the roots over them, hexadecimal.
    leaves: u64,
    roots: Vec<String>,
    /// Leaves of the last checkpoint, and the epoch of its log.
    witnessed: u64,
    epoch: u64,
}

/// Why a page was not taken.
pub(super) enum Refused {
    /// The files cannot be written.
    Io(Failure),
    /// The log is another one than was copied.
    Another(&'static str),
}

impl From<Failure> for Refused {
    fn from(failure: Failure) -> Self {
        Self::Io(failure)
    }
}

/// The copy of one body's log.
pub(super) struct Copy {
    dir: PathBuf,
    body: BodyCode,
    state: State,
    frontier: Frontier,
    entries: File,
    leaves: File,
}

impl Copy {
    /// Goes on with the copy in `dir`, or begins one.
    pub(super) fn open(dir: &Path, body: BodyCode) -> Result<Self, Failure> {
        let failed = |error| unusable(dir, &error);
        fs::DirBuilder::new().recursive(true).mode(0o700).create(dir.join("checkpoints")).map_err(failed)?;
        let state = match fs::read(dir.join("state.json")) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|_| foreign(dir))?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => State {
                format: 1,
                body: body.to_string(),
                next: 1,
                file: 1,
                file_bytes: 0,
                leaves: 0,
                roots: Vec::new(),
                witnessed: 0,
                epoch: 0,
            },
            Err(error) => return Err(failed(error)),
        };
        let State { format, leaves, roots, .. } = &state;
        let roots = roots.iter().map(|root| HEXLOWER.decode(root.as_bytes()).ok()?.try_into().ok());
        let roots: Option<Vec<Hash>> = roots.collect();
        let frontier = roots.and_then(|roots| Frontier::from_roots(*leaves, roots).ok());
        let frontier = frontier.filter(|_| *format == 1 && state.body == body.to_string());
        let frontier = frontier.ok_or_else(|| foreign(dir))?;
        let entries = opened(&entries_path(dir, state.file), state.file_bytes).map_err(failed)?;
        let leaves = opened(&dir.join("leaves"), state.leaves * 32).map_err(failed)?;
        Ok(Self { dir: dir.to_owned(), body, state, frontier, entries, leaves })
    }

    /// Whose log.
    pub(super) fn body(&self) -> BodyCode {
        self.body
    }

    /// Number of the first entry that it lacks.
    pub(super) fn next(&self) -> u64 {
        self.state.next
    }

    /// Leaves.
    pub(super) fn size(&self) -> u64 {
        self.frontier.size()
    }

    /// Leaves of the last checkpoint that was verified.
    pub(super) fn witnessed(&self) -> u64 {
        self.state.witnessed
    }

    /// Takes what the node sent, durably; whether that is all there is.
    pub(super) fn take(&mut self, page: &AuditFollowPage, peers: &PeerList) -> Result<bool, Refused> {
        if page.last + 1 < self.state.next {
            return Err(Refused::Another("rolled_back"));
        }
        let dir = self.dir.clone();
        let failed = |error| Refused::Io(unusable(&dir, &error));
        let (hashes, rest) = page.leaves.as_chunks::<32>();
        if !rest.is_empty() {
            return Err(Refused::Another("altered"));
        }
        let mut frontier = self.frontier.clone();
        frontier.extend(hashes).map_err(|_| Refused::Another("altered"))?;
        let mut next = self.state.clone();
        if let Some(head) = &page.checkpoint {
            self.verify(head, &frontier, &mut next, peers)?;
        }
        if page.first > self.state.next
            && page.entries.first().is_some_and(|entry| entry.number == page.first)
        {
            // Given up before it was copied.
            tracing::error!(body = %self.body, from = self.state.next, to = page.first, "entries were given up before they were copied");
            next.next = page.first;
        }
        self.append(&page.entries, &mut next)?;
        self.leaves.write_all(&page.leaves).map_err(failed)?;
        for file in [&self.entries, &self.leaves] {
            file.sync_data().map_err(failed)?;
        }
        next.leaves = frontier.size();
        next.roots = frontier.roots().iter().map(|root| HEXLOWER.encode(root)).collect();
        self.store(&next).map_err(failed)?;
        (self.state, self.frontier) = (next, frontier);
        Ok(self.state.next > page.last && page.leaves.is_empty())
    }

    /// A checkpoint over all leaves that are here has their root, and a broker's word.
    fn verify(
        &self,
        head: &FollowedHead,
        frontier: &Frontier,
        next: &mut State,
        peers: &PeerList,
    ) -> Result<(), Refused> {
        let unsigned = || Refused::Another("not_signed");
        let checkpoint = SignedCheckpoint::parse(&head.checkpoint).map_err(|_| unsigned())?;
        let origin: LogOrigin = checkpoint.unverified().origin().parse().map_err(|_| unsigned())?;
        let key = LogKey { body: origin.body, public: head.key, signature: head.certificate };
        let pins = key.pins(origin.epoch, peers).map_err(|_| unsigned())?;
        let (stated, witnessed) = checkpoint.verify(&pins).map_err(|_| unsigned())?;
        // The log's own word is none: it would say the same of a log that was made anew.
        if witnessed.standing == Standing::Unwitnessed {
            return Err(Refused::Another("not_witnessed"));
        }
        if origin.body != self.body {
            return Err(unsigned());
        }
        if origin.epoch < next.epoch {
            return Err(Refused::Another("rolled_back"));
        }
        if stated.head().size > frontier.size() {
            return Err(Refused::Another("altered"));
        }
        if stated.head().size == frontier.size() {
            if *stated.head() != frontier.head() {
                return Err(Refused::Another("rolled_back"));
            }
            (next.witnessed, next.epoch) = (frontier.size(), origin.epoch);
            self.keep(&checkpoint).map_err(|error| Refused::Io(unusable(&self.dir, &error)))?;
        }
        Ok(())
    }

    fn keep(&self, checkpoint: &SignedCheckpoint) -> std::io::Result<()> {
        let today = japan_time::print(Clock::system().now_ms());
        let day: String = today.chars().take(10).collect();
        replaced(&self.dir.join("checkpoints").join(format!("{day}.note")), checkpoint.to_string().as_bytes())
    }

    fn append(&mut self, entries: &[FollowedEntry], next: &mut State) -> Result<(), Refused> {
        let dir = self.dir.clone();
        let failed = |error| Refused::Io(unusable(&dir, &error));
        if next.file_bytes >= FILE_FULL && !entries.is_empty() {
            (next.file, next.file_bytes) = (next.next, 0);
            self.entries = opened(&entries_path(&self.dir, next.file), 0).map_err(failed)?;
        }
        let mut out = BufWriter::new(&self.entries);
        for entry in entries {
            if entry.number != next.next {
                let what = if entry.number < next.next { "duplicated" } else { "missing" };
                return Err(Refused::Another(what));
            }
            let line = line(entry);
            out.write_all(line.as_bytes()).map_err(failed)?;
            (next.next, next.file_bytes) = (next.next + 1, next.file_bytes + line.len() as u64);
        }
        out.flush().map_err(failed)
    }

    fn store(&self, state: &State) -> std::io::Result<()> {
        let bytes = serde_json::to_vec(state).map_err(std::io::Error::other)?;
        replaced(&self.dir.join("state.json"), &bytes)
    }
}

fn line(entry: &FollowedEntry) -> String {
    let value = json!({
        "seq": entry.number,
        "at_ms": entry.at_ms,
        "kind": entry.kind,
        "request": entry.request.map(|request| request.to_string()),
        "sealed": BASE64.encode(&entry.sealed),
    });
    format!("{value}\n")
}

fn entries_path(dir: &Path, first: u64) -> PathBuf {
    dir.join(format!("entries-{first:016}.jsonl"))
}

/// A file to append to behind its first `length` bytes; fewer than these were lost.
fn opened(path: &Path, length: u64) -> std::io::Result<File> {
    let mut file =
        OpenOptions::new().create(true).truncate(false).read(true).write(true).mode(0o600).open(path)?;
    if file.metadata()?.len() < length {
        return Err(std::io::Error::new(std::io::ErrorKind::UnexpectedEof, "shorter than it was"));
    }
    file.set_len(length)?;
    file.seek(SeekFrom::End(0))?;
    Ok(file)
}

/// Exchanges a file as a whole, durably.
pub(super) fn replaced(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut file = tempfile::NamedTempFile::with_prefix_in(".chukei-", folder::of(path))?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    folder::sync_of(path)
}

fn unusable(dir: &Path, error: &std::io::Error) -> Failure {
    let message =
        format!("{}: {error}。写しのフォルダーの場所、権限、空き容量を確認してください", dir.display());
    Failure::other("FILE_IO", message)
}

fn foreign(dir: &Path) -> Failure {
    let message = format!(
        "{} はこの団体の操作ログの写しではないか、壊れています。別のフォルダーを指定してください",
        dir.display()
    );
    Failure::usage("BAD_COPY", message)
}

#[cfg(test)]
mod tests;
