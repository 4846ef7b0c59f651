//! The keys that somebody who verifies a log holds fast: the log's, and those of its witnesses.
//!
//! What must hold: nothing counts twice. A witness that has two keys for a time is one witness; a public key under two
//! names would be two, since a cosignature does not say its witness's name, and is refused.

use super::note::{KeyKind, SIGNATURES_MAX, Verified, VerifierKey};

/// Why keys were not pinned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PinsError {
    /// No key of the log, or more keys than a note has signatures.
    #[error("not a usable number of keys")]
    Number,
    /// A log's key whose name is not the origin.
    #[error("the key of another log")]
    OtherLog,
    /// One public key for two roles or names, or the same key twice.
    #[error("a key is pinned twice")]
    Doubled,
}

/// The pinned keys of one log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pins {
    origin: String,
    keys: Vec<VerifierKey>,
}

/// How far a checkpoint was witnessed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// No pinned witness has cosigned it.
    Unwitnessed,
    /// Some have, not all.
    Provisional,
    /// Every pinned witness has, and there is one at least.
    Final,
}

/// Which pinned witnesses cosigned a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Witnessed {
    /// Their names, sorted, each with the newest time it cosigned at, in Unix seconds. Whether a time lies in the
    /// future, the caller's clock says.
    pub by: Vec<(String, u64)>,
    /// What that amounts to.
    pub standing: Standing,
}

impl Pins {
    /// Pins keys of the log `origin` and of its witnesses, of both kinds in any order. A log or a witness whose key is
    /// being replaced has several.
    pub fn new(origin: &str, keys: Vec<VerifierKey>) -> Result<Self, PinsError> {
        let logs = || keys.iter().filter(|key| key.kind() == KeyKind::Log);
        if logs().count() == 0 || keys.len() > SIGNATURES_MAX {
            return Err(PinsError::Number);
        }
        if logs().any(|key| key.name() != origin) {
            return Err(PinsError::OtherLog);
        }
        for (at, key) in keys.iter().enumerate() {
            let same = |other: &VerifierKey| {
                other.public() == key.public() || (other.name() == key.name() && other.id() == key.id())
            };
            if keys.iter().skip(at + 1).any(same) {
                return Err(PinsError::Doubled);
            }
        }
        Ok(Self { origin: origin.to_owned(), keys })
    }

    /// Which log.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The keys.
    pub fn keys(&self) -> &[VerifierKey] {
        &self.keys
    }

    /// Counts witnesses, by their names.
    pub(super) fn witnessed(&self, verified: &[Verified<'_>]) -> Witnessed {
        let mut by: Vec<(String, u64)> = verified
            .iter()
            .filter_map(|signature| Some((signature.key.name().to_owned(), signature.time?)))
            .collect();
        // Newest first among those of one name.
        by.sort_by(|(name, time), (other, than)| name.cmp(other).then(than.cmp(time)));
        by.dedup_by(|(name, _), (kept, _)| name == kept);
        let mut expected = self.keys.iter().filter(|key| key.kind() == KeyKind::Witness);
        let all = expected.all(|key| by.iter().any(|(name, _)| name == key.name()));
        let standing = match by.len() {
            0 => Standing::Unwitnessed,
            _ if all => Standing::Final,
            _ => Standing::Provisional,
        };
        Witnessed { by, standing }
    }
}
