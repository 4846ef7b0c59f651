//! The two identities a channel stands on, and how they stand in the peer list now.
//!
//! What must hold: a channel counts only as long as the list names both identities for the very portal and body
//! of its scope; it is renewed once a newer one is in use at either end.

use chukei_crypto::sign::IdentityKey;
use chukei_wire::header::Direction;

use super::{Channel, Role, Scope};
use crate::peers::{Identities, PeerList};

/// Whose keys a handshake is made with.
#[derive(Clone, Copy, Debug)]
pub struct Parties<'a> {
    /// This side's identity.
    pub own: &'a IdentityKey,
    /// Those of the other side, any of which it may present.
    pub other: &'a Identities,
}

/// What was presented in the handshake, each a SubjectPublicKeyInfo.
#[derive(Clone, Debug)]
pub(super) struct Ends {
    pub(super) own: Vec<u8>,
    pub(super) other: Vec<u8>,
}

impl Channel {
    /// Whether `list` still names both identities for the parties of its scope.
    pub(super) fn is_listed(&self, list: &PeerList) -> bool {
        self.are_among(list, Identities::contains)
    }

    /// Whether they are the newest that it names.
    pub(super) fn is_newest(&self, list: &PeerList) -> bool {
        self.are_among(list, |identities, spki| identities.newest() == spki)
    }

    fn are_among(&self, list: &PeerList, among: impl Fn(&Identities, &[u8]) -> bool) -> bool {
        let (portal, body) = if opened_by_portal(&self.scope) == (self.role == Role::Initiator) {
            (&self.ends.own, &self.ends.other)
        } else {
            (&self.ends.other, &self.ends.own)
        };
        list.portal(&self.scope.portal).is_some_and(|peer| among(&peer.identities, portal))
            && list.body(&self.scope.body).is_some_and(|peer| among(&peer.identities, body))
    }

    /// Whether it stands on the identities that these parties would use now.
    pub(super) fn stands_on_newest(&self, parties: Parties<'_>) -> bool {
        self.ends.own == parties.own.spki() && self.ends.other == parties.other.newest()
    }

    /// Whether it stands on an identity that the other party still has.
    pub(super) fn stands_on_listed(&self, parties: Parties<'_>) -> bool {
        parties.other.contains(&self.ends.other)
    }
}

/// The side that opens a channel sends its requests.
fn opened_by_portal(scope: &Scope) -> bool {
    scope.direction == Direction::ToBody
}
