//! Logins and user folders (利用者フォルダー): in memory only, wiped at logout or after the login timeout.
//!
//! What must hold: an answer is kept for the very login that asked (R30); one that arrives after that login's
//! end is wiped, not shown. Deliberately absent: any way to write a folder to disk.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use chukei_crypto::hash::sha256;
use chukei_crypto::random;
use chukei_wire::id::HeaderHash;
use zeroize::Zeroizing;

use crate::storage::person::PersonId;

/// Answers one folder keeps; the oldest is wiped for a newer one.
const ANSWERS_MAX: usize = 8;

/// Why a folder cannot take it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FolderError {
    /// Too many logins, or too much in all folders (R40).
    #[error("the portal holds too many logins or answers")]
    Full,
    /// The login that asked is closed.
    #[error("the login is closed")]
    Closed,
    /// The system's randomness failed.
    #[error("no randomness")]
    NoRandomness,
}

/// An open login, as those who act in it hold it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Login {
    person: PersonId,
    serial: u64,
    /// Hash of the person's card-authentication assertion (a random one: the mock has no card).
    pub(crate) authn_ref: HeaderHash,
}

struct Folder {
    login: Login,
    last_used_ms: u64,
    answers: VecDeque<Zeroizing<Vec<u8>>>,
}

impl Folder {
    fn bytes(&self) -> usize {
        self.answers.iter().map(|answer| answer.len()).sum()
    }
}

#[derive(Default)]
struct Open {
    folders: HashMap<PersonId, Folder>,
    serial: u64,
    bytes: usize,
}

/// Every open login.
pub(crate) struct Folders {
    open: Mutex<Open>,
    logins_max: usize,
    bytes_max: usize,
    timeout_ms: u64,
}

impl Folders {
    /// At most `logins_max` logins with `bytes_max` bytes in all, each closed after `timeout_ms` without use.
    pub(crate) fn new(logins_max: usize, bytes_max: usize, timeout_ms: u64) -> Self {
        Self { open: Mutex::default(), logins_max, bytes_max, timeout_ms }
    }

    /// The person's login; opened if none is.
    pub(crate) fn enter(&self, person: PersonId, now_ms: u64) -> Result<Login, FolderError> {
        let mut open = self.lock();
        if let Some(folder) = open.folders.get_mut(&person) {
            folder.last_used_ms = now_ms;
            return Ok(folder.login);
        }
        if open.folders.len() >= self.logins_max {
            return Err(FolderError::Full);
        }
        let assertion = random::bytes::<32>().map_err(|_| FolderError::NoRandomness)?;
        open.serial += 1;
        let login = Login { person, serial: open.serial, authn_ref: HeaderHash(sha256(&assertion)) };
        open.folders.insert(person, Folder { login, last_used_ms: now_ms, answers: VecDeque::new() });
        Ok(login)
    }

    /// Keeps an opened answer in the folder of the login that asked for it.
    pub(crate) fn keep(
        &self,
        login: Login,
        answer: Zeroizing<Vec<u8>>,
        now_ms: u64,
    ) -> Result<(), FolderError> {
        let mut open = self.lock();
        let Open { folders, bytes, .. } = &mut *open;
        let folder = folders.get_mut(&login.person).filter(|folder| folder.login == login);
        let folder = folder.ok_or(FolderError::Closed)?;
        while folder.answers.len() >= ANSWERS_MAX {
            *bytes = bytes.saturating_sub(folder.answers.pop_front().map_or(0, |oldest| oldest.len()));
        }
        let total = bytes.saturating_add(answer.len());
        if total > self.bytes_max {
            return Err(FolderError::Full);
        }
        *bytes = total;
        folder.answers.push_back(answer);
        folder.last_used_ms = now_ms;
        Ok(())
    }

    /// Closes the person's login and wipes its folder; says how many answers were in it.
    pub(crate) fn logout(&self, person: PersonId) -> usize {
        let mut open = self.lock();
        let Some(folder) = open.folders.remove(&person) else { return 0 };
        open.bytes = open.bytes.saturating_sub(folder.bytes());
        folder.answers.len()
    }

    /// Closes logins that were not used for the timeout; says how many.
    pub(crate) fn close_idle(&self, now_ms: u64) -> usize {
        let mut open = self.lock();
        let Open { folders, bytes, .. } = &mut *open;
        let before = folders.len();
        folders.retain(|_, folder| {
            let kept = now_ms.saturating_sub(folder.last_used_ms) < self.timeout_ms;
            if !kept {
                *bytes = bytes.saturating_sub(folder.bytes());
            }
            kept
        });
        before - folders.len()
    }

    /// Open logins.
    pub(crate) fn len(&self) -> usize {
        self.lock().folders.len()
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const P1: PersonId = PersonId(1);

    fn answer(length: usize) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(vec![7; length])
    }

    #[test]
    fn r30_an_answer_for_a_closed_login_is_not_kept_for_the_next_one() {
        let folders = Folders::new(10, 100, 1_000);
        let first = folders.enter(P1, 0).unwrap();
        assert_eq!(folders.enter(P1, 1), Ok(first));
        folders.keep(first, answer(10), 2).unwrap();
        assert_eq!(folders.logout(P1), 1);
        let second = folders.enter(P1, 3).unwrap();
        assert_ne!(first.authn_ref, second.authn_ref);
        assert_eq!(folders.keep(first, answer(10), 4), Err(FolderError::Closed));
        assert_eq!(folders.logout(P1), 0);
    }

    #[test]
    fn idle_logins_are_closed_at_the_timeout_and_their_room_is_free_again() {
        let folders = Folders::new(10, 100, 1_000);
        let login = folders.enter(P1, 0).unwrap();
        folders.keep(login, answer(100), 0).unwrap();
        let other = folders.enter(PersonId(2), 500).unwrap();
        assert_eq!(folders.keep(other, answer(1), 500), Err(FolderError::Full));
        assert_eq!(folders.close_idle(999), 0);
        assert_eq!(folders.close_idle(1_000), 1);
        assert_eq!(folders.keep(login, answer(1), 1_000), Err(FolderError::Closed));
        assert_eq!(folders.keep(other, answer(100), 1_000), Ok(()));
        assert_eq!(folders.len(), 1);
    }

    #[test]
    fn r40_logins_and_answers_are_bounded() {
        let folders = Folders::new(1, 1_000, 1_000);
        let login = folders.enter(P1, 0).unwrap();
        assert_eq!(folders.enter(PersonId(2), 0), Err(FolderError::Full));
        for _ in 0..100 {
            folders.keep(login, answer(100), 0).unwrap();
        }
        assert_eq!(folders.logout(P1), ANSWERS_MAX);
    }
}
