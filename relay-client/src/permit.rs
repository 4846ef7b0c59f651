//! Permits (R22): issued by a broker towards one receiver, verified by that receiver before anything else.
//!
//! The authentication code's key is exported from the TLS session of the hop, so that a permit is worth nothing
//! on any other connection. Deliberately absent: single use, which is the receiver's window of request ids.

use chukei_crypto::permit::PermitKey;
use chukei_wire::header::{Header, PersonCode};
use chukei_wire::id::HeaderHash;
use chukei_wire::limits::{CLOCK_SKEW_MS, PERMIT_LIFE_MS};
use chukei_wire::permit::{Permit, PermitClaims};
use chukei_wire::result::ResultName;

/// Exporter label of the key (RFC 8446, 7.5); the context is empty.
pub const EXPORT_LABEL: &[u8] = b"chukei permit v1";

/// A permit that was verified for one header on one connection.
#[derive(Debug)]
pub struct VerifiedPermit {
    claims: PermitClaims,
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
    /// Running number on the connection, from 1.
    pub number: u64,
}

/// Issues a permit for one header; `None` only if the claims cannot be encoded.
pub fn issue(key: &PermitKey, header: HeaderHash, terms: PermitTerms, now_ms: u64) -> Option<Permit> {
    let claims = PermitClaims {
        header,
        person: terms.person,
        previous: terms.previous,
        legal_basis: terms.legal_basis,
        broker: terms.broker,
        issued_ms: now_ms,
        expires_ms: now_ms.saturating_add(PERMIT_LIFE_MS),
        number: terms.number,
    };
    let mac = key.tag(&claims.to_authenticated_bytes().ok()?);
    Some(Permit { claims, mac })
}

/// Verifies a permit that came with `header_bytes` from the broker named `broker`.
///
/// Errors: `BAD_SIGNATURE` (not authentic), `PERMIT_SCOPE` (for another header or broker, or a person where
/// none belongs or none where one does), `PERMIT_EXPIRED`.
pub fn verify(
    key: &PermitKey,
    permit: Permit,
    header: &Header,
    header_hash: HeaderHash,
    broker: &str,
    now_ms: u64,
) -> Result<VerifiedPermit, ResultName> {
    let claims = permit.claims;
    let bytes = claims.to_authenticated_bytes().map_err(|_| ResultName::BadSignature)?;
    key.verify(&bytes, &permit.mac).map_err(|_| ResultName::BadSignature)?;
    let concerns_person = matches!(
        header.kind,
        chukei_wire::header::Kind::SelfInfo | chukei_wire::header::Kind::NoticeDelivery
    );
    let persons_fit =
        claims.person.is_some() == concerns_person && (claims.previous.is_none() || claims.person.is_some());
    if claims.header != header_hash || claims.broker != broker || !persons_fit {
        return Err(ResultName::PermitScope);
    }
    let lifetime_fits = claims.expires_ms.saturating_sub(claims.issued_ms) <= PERMIT_LIFE_MS;
    let begun = claims.issued_ms <= now_ms.saturating_add(CLOCK_SKEW_MS);
    let alive = claims.expires_ms.saturating_add(CLOCK_SKEW_MS) >= now_ms;
    if lifetime_fits && begun && alive {
        Ok(VerifiedPermit { claims })
    } else {
        Err(ResultName::PermitExpired)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chukei_wire::header::{Direction, Kind};
    use chukei_wire::id::{ChannelId, RequestId};

    const NOW: u64 = 1_790_000_000_000;

    fn header() -> (Header, HeaderHash) {
        let header = Header {
            version: 1,
            kind: Kind::SelfInfo,
            direction: Direction::ToBody,
            request_id: RequestId([1, 0x9a, 0, 0, 0, 0, 0x70, 0, 0x80, 0, 0, 0, 0, 0, 0, 1]),
            body: Some("982016".parse().unwrap()),
            portal: Some("mynaportal".into()),
            affair: None,
            datasets: vec!["TM00000000000002".into()],
            channel: Some(ChannelId([7; 16])),
            deadline_ms: 5_000,
            idempotency_key: None,
            retry_of: None,
            authn_ref: None,
        };
        let hash = Header::hash(&header.to_bytes().unwrap());
        (header, hash)
    }

    fn key(byte: u8) -> PermitKey {
        PermitKey::from_bytes([byte; 32])
    }

    fn permit(hash: HeaderHash) -> Permit {
        let terms = PermitTerms {
            person: Some(PersonCode([3; 17])),
            previous: None,
            legal_basis: "basis".into(),
            broker: "broker-a".into(),
            number: 1,
        };
        issue(&key(1), hash, terms, NOW).unwrap()
    }

    fn outcome(
        key: &PermitKey,
        permit: Permit,
        hash: HeaderHash,
        broker: &str,
        now_ms: u64,
    ) -> Option<ResultName> {
        verify(key, permit, &header().0, hash, broker, now_ms).err()
    }

    #[test]
    fn r22_a_permit_opens_its_own_request_only() {
        let (_, hash) = header();
        assert_eq!(outcome(&key(1), permit(hash), hash, "broker-a", NOW), None);
        assert_eq!(outcome(&key(2), permit(hash), hash, "broker-a", NOW), Some(ResultName::BadSignature));
        let other = HeaderHash([9; 32]);
        assert_eq!(outcome(&key(1), permit(other), hash, "broker-a", NOW), Some(ResultName::PermitScope));
        assert_eq!(outcome(&key(1), permit(hash), hash, "broker-b", NOW), Some(ResultName::PermitScope));
    }

    #[test]
    fn r22_a_permit_lives_briefly() {
        let (_, hash) = header();
        let end = NOW + PERMIT_LIFE_MS + CLOCK_SKEW_MS;
        assert_eq!(outcome(&key(1), permit(hash), hash, "broker-a", end), None);
        assert_eq!(
            outcome(&key(1), permit(hash), hash, "broker-a", end + 1),
            Some(ResultName::PermitExpired)
        );
        assert_eq!(
            outcome(&key(1), permit(hash), hash, "broker-a", NOW - CLOCK_SKEW_MS - 1),
            Some(ResultName::PermitExpired)
        );
    }

    #[test]
    fn r22_a_changed_claim_is_refused() {
        let (_, hash) = header();
        let mut changed = permit(hash);
        changed.claims.person = Some(PersonCode([4; 17]));
        assert_eq!(outcome(&key(1), changed, hash, "broker-a", NOW), Some(ResultName::BadSignature));
    }
}
