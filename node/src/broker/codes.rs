//! From the asker's code of a person to the receiver's: the one thing about persons that a broker knows.
//!
//! What must hold: a code that was not made for the asker is refused, never mapped to somebody. Keys of parties
//! are derived once and kept; parties are the bodies and portals of the signed peer list, which bounds them.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use chukei_crypto::person_code::{BadCode, CodeMaster, PartyCodes, VERSION};
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

/// Makes and resolves the codes of every party.
pub(super) struct PersonCodes {
    master: CodeMaster,
    parties: RwLock<HashMap<Party, Arc<PartyCodes>>>,
}

impl PersonCodes {
    pub(super) fn new(master: CodeMaster) -> Self {
        Self { master, parties: RwLock::default() }
    }

    /// The person behind `code`, which must be `party`'s own.
    pub(super) fn person(&self, party: &Party, code: &PersonCode) -> Result<u64, BadCode> {
        self.of(party)?.decode(&code.0)
    }

    /// `party`'s code of `person`.
    pub(super) fn code(&self, party: &Party, person: u64) -> Result<PersonCode, BadCode> {
        Ok(PersonCode(self.of(party)?.encode(person)))
    }

    fn of(&self, party: &Party) -> Result<Arc<PartyCodes>, BadCode> {
        if let Some(known) = self.parties.read().unwrap_or_else(PoisonError::into_inner).get(party) {
            return Ok(known.clone());
        }
        let codes = Arc::new(self.master.party(&party.to_string(), VERSION)?);
        self.parties.write().unwrap_or_else(PoisonError::into_inner).insert(party.clone(), codes.clone());
        Ok(codes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes() -> (PersonCodes, Party, Party) {
        let codes = PersonCodes::new(CodeMaster::from_bytes([7; 32]));
        (codes, Party::Portal("mynaportal".into()), Party::Body("982016".parse().unwrap()))
    }

    #[test]
    fn a_code_leads_to_the_same_person_at_the_other_party() {
        let (codes, portal, body) = codes();
        let at_portal = codes.code(&portal, 42).unwrap();
        let at_body = codes.code(&body, codes.person(&portal, &at_portal).unwrap()).unwrap();
        assert_eq!(codes.person(&body, &at_body), Ok(42));
        assert_ne!(at_portal, at_body);
    }

    #[test]
    fn r30_a_foreign_or_invented_code_is_nobody() {
        let (codes, portal, body) = codes();
        let at_portal = codes.code(&portal, 42).unwrap();
        assert_eq!(codes.person(&body, &at_portal), Err(BadCode));
        let mut invented = at_portal;
        invented.0[16] ^= 1;
        assert_eq!(codes.person(&portal, &invented), Err(BadCode));
        invented = at_portal;
        invented.0[0] = 2;
        assert_eq!(codes.person(&portal, &invented), Err(BadCode));
    }
}
