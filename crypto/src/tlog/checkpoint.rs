//! Checkpoints (C2SP `tlog-checkpoint`): a tree head as a note, signed by its log and cosigned by witnesses.

use std::fmt;

use data_encoding::BASE64;

use super::note::{KeyError, KeyKind, NAME_MAX, Note, NoteError, Signature, Verified, VerifierKey};
use super::text::{self, is_line, is_name};
use super::{Pins, SIZE_MAX, TreeHead, Witnessed};
use crate::sign::SigningKey;

/// Most extension lines of a checkpoint.
pub const EXTENSIONS_MAX: usize = 16;

/// Why a checkpoint was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// Not origin, size, root and at most [`EXTENSIONS_MAX`] further lines, each in its one form.
    #[error("not a checkpoint")]
    Malformed,
    /// The checkpoint of a log that is not the pinned one.
    #[error("the checkpoint of another log")]
    OtherLog,
    /// The log has not signed it.
    #[error("not signed by its log")]
    NotSigned,
    /// The note around it was refused.
    #[error(transparent)]
    Note(#[from] NoteError),
}

/// What a log states at one size. Written as the text that is signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    origin: String,
    head: TreeHead,
    extensions: Vec<String>,
}

impl Checkpoint {
    /// The checkpoint of the log `origin`, at most [`NAME_MAX`] bytes in the form of a key's name. The specification
    /// advises against extension lines; witnesses sign them and say nothing about them.
    pub fn new(origin: &str, head: TreeHead, extensions: Vec<String>) -> Result<Self, CheckpointError> {
        let fits = is_name(origin, NAME_MAX)
            && head.size <= SIZE_MAX
            && (head.size > 0 || head == TreeHead::EMPTY)
            && extensions.len() <= EXTENSIONS_MAX
            && extensions.iter().all(|line| is_line(line));
        let checkpoint = Self { origin: origin.to_owned(), head, extensions };
        if fits { Ok(checkpoint) } else { Err(CheckpointError::Malformed) }
    }

    /// Reads the text of a note.
    pub fn parse(text: &str) -> Result<Self, CheckpointError> {
        let lines = text.strip_suffix('\n').ok_or(CheckpointError::Malformed)?;
        let mut lines = lines.split('\n');
        let mut line = || lines.next().ok_or(CheckpointError::Malformed);
        let origin = line()?;
        let size = text::number(line()?).ok_or(CheckpointError::Malformed)?;
        let root = text::hash(line()?).ok_or(CheckpointError::Malformed)?;
        let extensions = lines.take(EXTENSIONS_MAX + 1).map(str::to_owned).collect();
        Self::new(origin, TreeHead { size, root }, extensions)
    }

    /// Which log.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Its size and root.
    pub fn head(&self) -> &TreeHead {
        &self.head
    }

    /// Further lines, without their newlines.
    pub fn extensions(&self) -> &[String] {
        &self.extensions
    }
}

impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n{}\n{}", self.origin, self.head.size, BASE64.encode(&self.head.root))?;
        self.extensions.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

/// The key of a log, with the origin it signs for.
#[derive(Debug)]
pub struct LogSigner {
    key: SigningKey,
    verifier: VerifierKey,
}

impl LogSigner {
    /// The key of the log `origin`.
    pub fn new(origin: &str, key: SigningKey) -> Result<Self, KeyError> {
        let verifier = VerifierKey::new(origin, KeyKind::Log, key.public())?;
        Ok(Self { key, verifier })
    }

    /// What others pin.
    pub fn verifier(&self) -> &VerifierKey {
        &self.verifier
    }

    /// Signs a checkpoint of this log. A log signs no two that are inconsistent: the caller has seen to that.
    pub fn sign(&self, checkpoint: Checkpoint) -> Result<SignedCheckpoint, CheckpointError> {
        if checkpoint.origin != self.verifier.name() {
            return Err(CheckpointError::OtherLog);
        }
        let text = checkpoint.to_string();
        let signature = Signature::new(&self.verifier, self.key.sign(text.as_bytes()).to_vec());
        Ok(SignedCheckpoint { note: Note::new(text, signature)?, checkpoint })
    }
}

/// A checkpoint with its signatures, which nobody has verified yet. Written as its note.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedCheckpoint {
    note: Note,
    checkpoint: Checkpoint,
}

impl SignedCheckpoint {
    /// Reads a note, at most [`NOTE_MAX`](super::NOTE_MAX) bytes, whose text is a checkpoint.
    pub fn parse(bytes: &[u8]) -> Result<Self, CheckpointError> {
        let note = Note::parse(bytes)?;
        let checkpoint = Checkpoint::parse(note.text())?;
        Ok(Self { note, checkpoint })
    }

    /// What it says, whoever says it.
    pub fn unverified(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// The note.
    pub fn note(&self) -> &Note {
        &self.note
    }

    /// Adds the cosignature that a pinned witness sent back, once it verifies.
    pub fn add(&mut self, cosignature: Signature, pins: &Pins) -> Result<(), NoteError> {
        let key = pins.keys().iter().find(|key| cosignature.is_of(key)).ok_or(NoteError::UnknownKeys)?;
        key.check(self.note.text(), cosignature.bytes()).map_err(|_| NoteError::BadSignature)?;
        self.note.add(cosignature)
    }

    /// The checkpoint, once a pinned key of its log has signed it and every signature of a pinned key verifies, and who
    /// of the pinned witnesses cosigned it when.
    pub fn verify(&self, pins: &Pins) -> Result<(&Checkpoint, Witnessed), CheckpointError> {
        if self.checkpoint.origin != pins.origin() {
            return Err(CheckpointError::OtherLog);
        }
        let verified: Vec<Verified<'_>> = self.note.verify(pins.keys())?;
        if !verified.iter().any(|signature| signature.key.kind() == KeyKind::Log) {
            return Err(CheckpointError::NotSigned);
        }
        Ok((&self.checkpoint, pins.witnessed(&verified)))
    }
}

impl fmt::Display for SignedCheckpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.note.fmt(f)
    }
}
