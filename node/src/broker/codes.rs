//! From the asker's code of a person to the receiver's: the one thing about persons that a broker knows.
//!
//! What must hold: a code that was not made for the asker, or is of a version that is over, is refused, never mapped
//! to somebody; all of them look alike. Keys of parties are derived once and kept; parties are the bodies and portals
//! of the signed peer list, which bounds them.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use chukei_crypto::person_code::{BadCode, CodeMaster, PartyCodes, version_of};
use chukei_domain::day::day_of;
use chukei_relay_client::peers::PeerList;
use chukei_wire::body_code::BodyCode;
use chukei_wire::header::PersonCode;

/// Who a code is for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Party {
    /// A local body.
    Body(BodyCode),
    /// A portal instance, by name.
    Portal(String),
}

impl Party {
    /// Whether it stands in the signed peer list.
    pub(super) fn is_listed(&self, peers: &PeerList) -> bool {
        match self {
            Self::Body(code) => peers.body(code).is_some(),
            Self::Portal(name) => peers.portal(name).is_some(),
        }
    }
}

impl fmt::Display for Party {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Body(code) => write!(f, "body/{code}"),
            Self::Portal(name) => write!(f, "portal/{name}"),
        }
    }
}

/// One version of person codes, and the civil days (Japan) that bound its use.
pub(super) struct CodeVersion {
    pub(super) master: CodeMaster,
    /// From this day on codes are made in it, if it is the newest by then; before, it is accepted only.
    pub(super) issue_from: Option<u32>,
    /// The last day on which its codes are accepted.
    pub(super) accept_until: Option<u32>,
}

impl CodeVersion {
    fn is_accepted(&self, today: u32) -> bool {
        self.accept_until.is_none_or(|last| today <= last)
    }
}

/// Makes and resolves the codes of every party, in every version that lives.
pub(super) struct PersonCodes {
    /// Ascending, at least one.
    versions: Vec<CodeVersion>,
    parties: RwLock<HashMap<(Party, u8), Arc<PartyCodes>>>,
}

/// A person's codes for one party: in the current version, and in the other one that the party may know.
pub(super) struct CodePair {
    pub(super) current: PersonCode,
    pub(super) previous: Option<PersonCode>,
}

impl PersonCodes {
    /// `None` without a version, or with one twice.
    pub(super) fn new(mut versions: Vec<CodeVersion>) -> Option<Self> {
        versions.sort_by_key(|one| one.master.version());
        let once = versions.is_sorted_by(|a, b| a.master.version() < b.master.version());
        (once && !versions.is_empty()).then(|| Self { versions, parties: RwLock::default() })
    }

    /// The person behind `code`, which must be `party`'s own, in a version that is accepted now. The code names its
    /// version; no other is tried.
    pub(super) fn person(&self, party: &Party, code: &PersonCode, now_ms: u64) -> Result<u64, BadCode> {
        let today = day_of(now_ms);
        let named = self.versions.iter().find(|one| one.master.version() == version_of(&code.0));
        let accepted = named.filter(|one| one.is_accepted(today)).ok_or(BadCode)?;
        self.of(party, &accepted.master).decode(&code.0)
    }

    /// `party`'s code of `person` in the current version.
    pub(super) fn code(&self, party: &Party, person: u64, now_ms: u64) -> Option<PersonCode> {
        let current = self.current(day_of(now_ms))?;
        Some(self.encode(party, person, &current.master))
    }

    /// `party`'s codes of `person`: the party may have only one of two live versions yet, or only one of them still.
    pub(super) fn pair(&self, party: &Party, person: u64, now_ms: u64) -> Option<CodePair> {
        let current = self.current(day_of(now_ms))?;
        let other = self.other(current, day_of(now_ms));
        Some(CodePair {
            current: self.encode(party, person, &current.master),
            previous: other.map(|other| self.encode(party, person, &other.master)),
        })
    }

    /// The version that codes are made in now.
    pub(super) fn current_version(&self, now_ms: u64) -> Option<u8> {
        self.current(day_of(now_ms)).map(|current| current.master.version())
    }

    /// Every version whose codes are accepted now, ascending.
    pub(super) fn live_versions(&self, now_ms: u64) -> Vec<u8> {
        let today = day_of(now_ms);
        let live = self.versions.iter().filter(|one| one.is_accepted(today));
        live.map(|one| one.master.version()).collect()
    }

    /// The newest version whose day has come; the oldest needs none.
    fn current(&self, today: u32) -> Option<&CodeVersion> {
        let begun = |one: &&CodeVersion| one.issue_from.is_none_or(|first| first <= today);
        self.versions.iter().rev().find(begun).or(self.versions.first())
    }

    /// Beside the current version: the one before it while that is accepted, else the one to come, in which another
    /// broker, a moment ahead, may have made codes already.
    fn other(&self, current: &CodeVersion, today: u32) -> Option<&CodeVersion> {
        let version = current.master.version();
        let mut before = self.versions.iter().rev().filter(|one| one.master.version() < version);
        let after = self.versions.iter().find(|one| one.master.version() > version);
        before.find(|one| one.is_accepted(today)).or(after)
    }

    fn encode(&self, party: &Party, person: u64, master: &CodeMaster) -> PersonCode {
        PersonCode(self.of(party, master).encode(person))
    }

    fn of(&self, party: &Party, master: &CodeMaster) -> Arc<PartyCodes> {
        let key = (party.clone(), master.version());
        if let Some(known) = self.parties.read().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return known.clone();
        }
        let codes = Arc::new(master.party(&party.to_string()));
        self.parties.write().unwrap_or_else(PoisonError::into_inner).insert(key, codes.clone());
        codes
    }
}

#[cfg(test)]
mod tests;
