//! Permits (R22): issued by a broker towards one receiver, verified by that receiver before anything else, and
//! brought under the broker's signed roots soon after.
//!
//! The authentication code's key and the epoch are exported from the TLS session of the hop, so that a permit is
//! worth nothing on any other connection. Evidence follows on a stream of its own: every permit is a leaf of a root
//! that the broker has signed, or the connection is stopped. Deliberately absent: single use of requests across
//! brokers, which is the receiver's window of request ids.

mod evidence;
mod follow;
mod fresh;
mod issuer;
mod ledger;
mod past;
mod receiver;
mod serve;
#[cfg(test)]
mod tests;

use chukei_crypto::permit::{Leaf, PermitKey, leaf};
use chukei_wire::header::{Header, PersonCode};
use chukei_wire::id::HeaderHash;
use chukei_wire::limits::{CLOCK_SKEW_MS, PERMIT_LIFE_MS};
use chukei_wire::permit::{Permit, PermitClaims};
use chukei_wire::result::ResultName;

use crate::connection::{ConnectionError, PeerConnection};
pub use evidence::{EVIDENCE_PARTITION, Evidence, EvidenceOf};
pub use follow::{Followed, NotFollowed, RootWitness, follow, open_roots};
pub use fresh::follow_broker;
pub use issuer::{PermitBasis, PermitIssuer};
pub use ledger::{Ledger, NotAccepted, PermitFault};
pub use past::PastEpochs;
pub use receiver::PermitReceiver;
pub use serve::{GATHER, RootKeeper, serve_roots};

/// Exporter label of the key (RFC 8446, 7.5); the context is empty.
pub const EXPORT_LABEL: &[u8] = b"chukei permit v1";
/// Exporter label of the epoch, the first 16 bytes of the output; the context is empty.
pub const EPOCH_LABEL: &[u8] = b"chukei permit epoch v1";

/// What both ends of one connection have in common, and nobody else.
#[derive(Clone, Debug)]
pub struct PermitSession {
    /// Authenticates permits.
    pub key: PermitKey,
    /// Names their series.
    pub epoch: [u8; 16],
}

impl PermitSession {
    /// Takes key and epoch from the connection's TLS session.
    pub fn of(connection: &PeerConnection) -> Result<Self, ConnectionError> {
        let key = PermitKey::from_bytes(*connection.export_key(EXPORT_LABEL, b"")?);
        let exported = connection.export_key(EPOCH_LABEL, b"")?;
        let mut epoch = [0; 16];
        epoch.iter_mut().zip(exported.iter()).for_each(|(to, from)| *to = *from);
        Ok(Self { key, epoch })
    }
}

/// A permit that was verified for one header on one connection.
#[derive(Debug)]
pub struct VerifiedPermit {
    claims: PermitClaims,
    leaf: Leaf,
}

impl VerifiedPermit {
    /// The person in the receiver's terms; `None` where the request concerns nobody.
    pub fn person(&self) -> Option<PersonCode> {
        self.claims.person
    }

    /// The person's codes, in the order to look them up: the current one, then that of the other live version.
    pub fn codes(&self) -> impl Iterator<Item = PersonCode> {
        self.claims.person.into_iter().chain(self.claims.previous)
    }

    /// Name of the broker that vouches.
    pub fn broker(&self) -> &str {
        &self.claims.broker
    }

    /// The legal basis the broker states.
    pub fn legal_basis(&self) -> &str {
        &self.claims.legal_basis
    }

    /// The running number.
    pub fn number(&self) -> u64 {
        self.claims.number
    }

    /// What stands for it in the broker's roots.
    pub fn leaf(&self) -> Leaf {
        self.leaf
    }
}

/// What a broker puts into a permit beside the header hash and the times.
#[derive(Clone, Debug)]
pub struct PermitTerms {
    /// The receiver's code for the person.
    pub person: Option<PersonCode>,
    /// The same in the other live version, while there are two.
    pub previous: Option<PersonCode>,
    /// Legal basis.
    pub legal_basis: String,
    /// Name of the broker.
    pub broker: String,
    /// Running number in the epoch, from 1.
    pub number: u64,
}

/// Issues a permit for one header, and its leaf; `None` only if the claims cannot be encoded.
pub fn issue(
    session: &PermitSession,
    header: HeaderHash,
    terms: PermitTerms,
    now_ms: u64,
) -> Option<(Permit, Leaf)> {
    let claims = PermitClaims {
        header,
        person: terms.person,
        previous: terms.previous,
        legal_basis: terms.legal_basis,
        broker: terms.broker,
        issued_ms: now_ms,
        expires_ms: now_ms.saturating_add(PERMIT_LIFE_MS),
        epoch: session.epoch,
        number: terms.number,
    };
    let bytes = claims.to_authenticated_bytes().ok()?;
    Some((Permit { claims, mac: session.key.tag(&bytes) }, leaf(&bytes)))
}

/// Verifies a permit that came with `header_bytes` from the broker named `broker`.
///
/// Errors: `BAD_SIGNATURE` (not authentic), `PERMIT_SCOPE` (for another header, broker or epoch, or a person where
/// none belongs or none where one does), `PERMIT_EXPIRED`.
pub fn verify(
    session: &PermitSession,
    permit: Permit,
    header: &Header,
    header_hash: HeaderHash,
    broker: &str,
    now_ms: u64,
) -> Result<VerifiedPermit, ResultName> {
    let claims = permit.claims;
    let bytes = claims.to_authenticated_bytes().map_err(|_| ResultName::BadSignature)?;
    session.key.verify(&bytes, &permit.mac).map_err(|_| ResultName::BadSignature)?;
    let concerns_person = header.kind.concerns_person();
    let placed = claims.header == header_hash && claims.broker == broker && claims.epoch == session.epoch;
    let persons_fit =
        claims.person.is_some() == concerns_person && (claims.previous.is_none() || claims.person.is_some());
    if !placed || !persons_fit {
        return Err(ResultName::PermitScope);
    }
    let lifetime_fits = claims.expires_ms.saturating_sub(claims.issued_ms) <= PERMIT_LIFE_MS;
    let begun = claims.issued_ms <= now_ms.saturating_add(CLOCK_SKEW_MS);
    let alive = claims.expires_ms.saturating_add(CLOCK_SKEW_MS) >= now_ms;
    if lifetime_fits && begun && alive {
        Ok(VerifiedPermit { claims, leaf: leaf(&bytes) })
    } else {
        Err(ResultName::PermitExpired)
    }
}
