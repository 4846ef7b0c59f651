//! The identity keys of one body or portal, replaced while it runs.
//!
//! A new key is written in the place of the old one, which stays beside it until it is retired. What must hold:
//! in use is the newest key that the peer list names; a key that the list no longer names is given up at once; a
//! newly named one is taken into use only after every other role has had the time to read the list, so that
//! nobody refuses it. Nothing of a key stands in an error.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use chukei_crypto::sign::IdentityKey;

use crate::file_stamp::FileStamp;
use crate::key_file::{self, KeyFileError};
use crate::peers::Identities;

/// Time for the other roles to read a new list, before the identity it names is shown to them.
pub const SETTLING: Duration = Duration::from_secs(2);
/// Keys held at once: the one in use, and those of the two files.
const HELD_MAX: usize = 3;

/// Why no identity key was had.
#[derive(Debug, thiserror::Error)]
pub enum IdentityKeyError {
    /// The file was refused.
    #[error(transparent)]
    File(#[from] KeyFileError),
    /// It holds something else.
    #[error("{0}: not an identity key")]
    Key(PathBuf),
}

/// The keys, and which of them is in use.
#[derive(Debug)]
pub struct IdentityKeys {
    place: Place,
    current: ArcSwap<IdentityKey>,
    state: Mutex<State>,
}

#[derive(Debug)]
enum Place {
    /// Read again when the list names a key that is not held.
    File(PathBuf),
    /// Somewhere else, under this name; read at the start only.
    Elsewhere(String),
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Elsewhere(name) => name.fmt(f),
        }
    }
}

#[derive(Debug)]
struct State {
    held: Vec<Arc<IdentityKey>>,
    stamp: FileStamp,
    /// Since when a key other than the current one should be in use.
    waiting: Option<Instant>,
    unlisted: bool,
}

/// Where the former key lies while both count: beside the key in `file`.
pub fn former_path(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".former");
    PathBuf::from(name)
}

impl IdentityKeys {
    /// Reads the key in `file`, and the former one where it is still beside it.
    pub fn open(file: PathBuf) -> Result<Self, IdentityKeyError> {
        let stamp = FileStamp::of(&file);
        let newest = Arc::new(read(&file)?);
        let former = former_path(&file);
        let mut held = vec![Arc::clone(&newest)];
        if former.exists() {
            held.push(Arc::new(read(&former)?));
        }
        let state = State { held, stamp, waiting: None, unlisted: false };
        Ok(Self { place: Place::File(file), current: ArcSwap::from(newest), state: Mutex::new(state) })
    }

    /// Keys that are kept elsewhere under `name`, at least one. A new one is taken in by a new start; which of them
    /// is in use follows the list, as always.
    pub fn kept_elsewhere(name: &str, keys: Vec<IdentityKey>) -> Option<Self> {
        let held: Vec<Arc<IdentityKey>> = keys.into_iter().map(Arc::new).collect();
        let current = ArcSwap::from(held.first().cloned()?);
        let stamp = FileStamp::of(Path::new(""));
        let state = Mutex::new(State { held, stamp, waiting: None, unlisted: false });
        Some(Self { place: Place::Elsewhere(name.to_owned()), current, state })
    }

    /// The key in use.
    pub fn current(&self) -> Arc<IdentityKey> {
        self.current.load_full()
    }

    /// Takes the first choice of a role that has just started: nobody has seen it use another.
    pub fn choose(&self, listed: Option<&Identities>) {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(best) = listed.and_then(|listed| state.best(listed)) {
            self.current.store(best);
        }
    }

    /// Looks again which key is to be used, given the identities that the list in force has for its holder; whether
    /// it is another now. The file is read if the list names a key that is not held, and the file has changed.
    pub fn refresh(&self, listed: Option<&Identities>) -> bool {
        let current = self.current();
        if listed.is_some_and(|listed| listed.newest() == current.spki()) {
            return false;
        }
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Place::File(file) = &self.place
            && listed.is_some_and(|listed| !state.holds(listed.newest()))
        {
            state.read_again(file);
        }
        let best = listed.and_then(|listed| Some((listed.contains(current.spki()), state.best(listed)?)));
        state.report(best.is_none(), &self.place);
        let Some((still_listed, best)) = best.filter(|(_, best)| best.spki() != current.spki()) else {
            state.waiting = None;
            return false;
        };
        let since = *state.waiting.get_or_insert_with(Instant::now);
        if still_listed && since.elapsed() < SETTLING {
            return false;
        }
        state.waiting = None;
        self.current.store(best);
        true
    }
}

impl State {
    fn holds(&self, spki: &[u8]) -> bool {
        self.held.iter().any(|key| key.spki() == spki)
    }

    /// The newest of the listed keys that is held.
    fn best(&self, listed: &Identities) -> Option<Arc<IdentityKey>> {
        listed.iter().find_map(|spki| self.held.iter().find(|key| key.spki() == spki).cloned())
    }

    /// A file that cannot be read now is read when it has changed again.
    fn read_again(&mut self, file: &Path) {
        let stamp = FileStamp::of(file);
        if stamp == self.stamp {
            return;
        }
        self.stamp = stamp;
        match read(file) {
            Ok(key) => {
                self.held.insert(0, Arc::new(key));
                self.held.truncate(HELD_MAX);
            }
            Err(error) => tracing::warn!(%error, "a new identity key is not usable"),
        }
    }

    /// Says once that no key held is in the list.
    fn report(&mut self, unlisted: bool, place: &Place) {
        if unlisted && !self.unlisted {
            tracing::error!(%place, "the peer list names no identity key that is held");
        }
        self.unlisted = unlisted;
    }
}

fn read(path: &Path) -> Result<IdentityKey, IdentityKeyError> {
    IdentityKey::from_pkcs8(&key_file::read(path)?).map_err(|_| IdentityKeyError::Key(path.to_owned()))
}

#[cfg(test)]
mod tests;
