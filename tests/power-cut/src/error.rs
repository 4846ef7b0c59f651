//! Why a trial could not be held.

use std::io;

use crate::missing::Missing;

/// A trial that says nothing about the code under test.
#[derive(Debug, thiserror::Error)]
pub enum TrialError {
    /// The operating system refused something.
    #[error("input or output failed")]
    Io(#[from] io::Error),
    /// The recorded process failed before it was through; its last words.
    #[error("the recorded process failed: {0}")]
    Child(String),
    /// A recording went past its bounds, which one it tells, and its processes were ended.
    #[error("the recorded process does not come to an end: {0}")]
    Endless(String),
    /// That recording is one of the named trial with this seed.
    #[error("{name}, seed {seed}: {why}")]
    Of {
        /// The test, which names what it tests.
        name: String,
        /// With it the same lives are chosen again.
        seed: u64,
        /// What was wrong with it.
        why: Box<TrialError>,
    },
    /// A recorded call that the model of the disk has no meaning for.
    #[error("the model does not know what this call does to the disk: {0}")]
    Unknown(String),
    /// A process was killed in the midst of a change, or two got into each other's way, each time it was recorded.
    #[error("what the recorded process did is unknown")]
    Interrupted,
    /// The recording holds no file call at all, or no acknowledgement.
    #[error("nothing was recorded")]
    Empty,
    /// Nothing was synced that could be missing.
    #[error("the recording holds no such sync: {0:?}")]
    NeverSynced(Missing),
    /// The check passes on a disk that does not sync: it proves nothing.
    #[error("nobody noticed that syncs were missing: {0:?}")]
    Unnoticed(Missing),
}

impl TrialError {
    /// As a failure of this trial.
    pub(crate) fn of(self, name: &str, seed: u64) -> Self {
        Self::Of { name: name.to_owned(), seed, why: Box::new(self) }
    }

    /// About a call, of whose text the beginning is enough.
    pub(crate) fn unknown(text: &str) -> Self {
        Self::Unknown(text.chars().take(200).collect())
    }
}
