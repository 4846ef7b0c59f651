//! One authenticated connection: its permits' key and numbers, and how often it misbehaved.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use chukei_crypto::permit::PermitKey;
use chukei_relay_client::connection::{CloseCode, ConnectionError, PeerConnection};
use chukei_relay_client::permit::{EXPORT_LABEL, PermitTerms, issue};
use chukei_wire::id::HeaderHash;
use chukei_wire::permit::Permit;

use crate::broker::codes::CodePair;
use crate::broker::routes::Reachable;

/// Malformed requests after which a peer is dropped.
const MISUSE_MAX: u32 = 16;

/// A connected node or portal.
pub(super) struct Peer {
    /// The connection.
    pub(super) connection: PeerConnection,
    permits: PermitIssuer,
    misuse: AtomicU32,
}

/// What every permit of this broker for one passage says.
pub(super) struct Basis<'a> {
    /// Name of the broker.
    pub(super) broker: &'a str,
    /// Legal basis.
    pub(super) legal_basis: &'a str,
    /// The receiver's codes of the person.
    pub(super) codes: Option<CodePair>,
}

/// Issues the permits of one connection: a key exported from its TLS session, numbers from 1 (R22).
struct PermitIssuer {
    key: PermitKey,
    last: AtomicU64,
}

impl Peer {
    /// Takes a fresh connection over.
    pub(super) fn new(connection: PeerConnection) -> Result<Self, ConnectionError> {
        let key = PermitKey::from_bytes(*connection.export_key(EXPORT_LABEL, b"")?);
        let permits = PermitIssuer { key, last: AtomicU64::new(0) };
        Ok(Self { connection, permits, misuse: AtomicU32::new(0) })
    }

    /// A permit for this receiver; `None` only if it cannot be encoded.
    pub(super) fn permit(&self, header: HeaderHash, basis: &Basis<'_>, now_ms: u64) -> Option<Permit> {
        self.permits.issue(header, basis, now_ms)
    }

    /// The peer sent what no version of the protocol allows. It may have been a slip; often, it is not.
    pub(super) fn misused(&self) {
        if self.misuse.fetch_add(1, Ordering::Relaxed) + 1 >= MISUSE_MAX {
            tracing::warn!(peer = %self.connection.identity(), "dropped after repeated misuse");
            self.connection.close(CloseCode::Misbehaved);
        }
    }
}

impl Reachable for Peer {
    fn id(&self) -> usize {
        self.connection.id()
    }

    fn name(&self) -> &str {
        self.connection.identity().name()
    }

    fn is_live(&self) -> bool {
        !self.connection.is_closed()
    }
}

impl PermitIssuer {
    fn issue(&self, header: HeaderHash, basis: &Basis<'_>, now_ms: u64) -> Option<Permit> {
        let terms = PermitTerms {
            person: basis.codes.as_ref().map(|codes| codes.current),
            previous: basis.codes.as_ref().and_then(|codes| codes.previous),
            legal_basis: basis.legal_basis.to_owned(),
            broker: basis.broker.to_owned(),
            number: self.last.fetch_add(1, Ordering::Relaxed) + 1,
        };
        issue(&self.key, header, terms, now_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chukei_relay_client::permit::verify;
    use chukei_wire::header::{Direction, Header, Kind, PersonCode};
    use chukei_wire::limits::PERMIT_LIFE_MS;
    use chukei_wire::result::ResultName;

    use crate::broker::samples::header;

    const NOW: u64 = 1_795_219_200_000;

    fn issuer(byte: u8) -> PermitIssuer {
        PermitIssuer { key: PermitKey::from_bytes([byte; 32]), last: AtomicU64::new(0) }
    }

    #[test]
    fn r22_a_permit_verifies_at_its_receiver_and_nowhere_else() {
        let header = header(Kind::SelfInfo, Direction::ToBody);
        let hash = Header::hash(&header.to_bytes().unwrap());
        let [current, previous] = [9, 8].map(|byte| PersonCode([byte; 17]));
        let codes = Some(CodePair { current, previous: Some(previous) });
        let basis = Basis { broker: "broker-a", legal_basis: "番号法附則6条3項", codes };
        let issuer = issuer(1);
        let permit = issuer.issue(hash, &basis, NOW).unwrap();
        assert_eq!(permit.claims.expires_ms, NOW + PERMIT_LIFE_MS);
        let verified = verify(&issuer.key, permit.clone(), &header, hash, "broker-a", NOW).unwrap();
        assert!(verified.codes().eq([current, previous]));
        assert_eq!((verified.person(), verified.number()), (Some(current), 1));
        assert_eq!(verified.legal_basis(), basis.legal_basis);
        let elsewhere = PermitKey::from_bytes([2; 32]);
        let refused = verify(&elsewhere, permit, &header, hash, "broker-a", NOW);
        assert_eq!(refused.err(), Some(ResultName::BadSignature));
        assert_eq!(issuer.issue(hash, &basis, NOW).unwrap().claims.number, 2, "numbers run on");
    }
}
