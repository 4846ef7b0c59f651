//! One permit at its receiver.

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

fn session(byte: u8) -> PermitSession {
    PermitSession { key: PermitKey::from_bytes([byte; 32]), epoch: [8; 16] }
}

fn permit(hash: HeaderHash) -> Permit {
    let terms = PermitTerms {
        person: Some(PersonCode([3; 17])),
        previous: None,
        legal_basis: "basis".into(),
        broker: "broker-a".into(),
        number: 1,
    };
    issue(&session(1), hash, terms, NOW).unwrap().0
}

fn outcome(
    session: &PermitSession,
    permit: Permit,
    hash: HeaderHash,
    broker: &str,
    now_ms: u64,
) -> Option<ResultName> {
    verify(session, permit, &header().0, hash, broker, now_ms).err()
}

#[test]
fn r22_a_permit_opens_its_own_request_only() {
    let (_, hash) = header();
    assert_eq!(outcome(&session(1), permit(hash), hash, "broker-a", NOW), None);
    assert_eq!(outcome(&session(2), permit(hash), hash, "broker-a", NOW), Some(ResultName::BadSignature));
    let other = HeaderHash([9; 32]);
    assert_eq!(outcome(&session(1), permit(other), hash, "broker-a", NOW), Some(ResultName::PermitScope));
    assert_eq!(outcome(&session(1), permit(hash), hash, "broker-b", NOW), Some(ResultName::PermitScope));
    let elsewhen = PermitSession { epoch: [9; 16], ..session(1) };
    assert_eq!(outcome(&elsewhen, permit(hash), hash, "broker-a", NOW), Some(ResultName::PermitScope));
}

#[test]
fn r22_a_permit_lives_briefly() {
    let (_, hash) = header();
    let end = NOW + PERMIT_LIFE_MS + CLOCK_SKEW_MS;
    assert_eq!(outcome(&session(1), permit(hash), hash, "broker-a", end), None);
    assert_eq!(
        outcome(&session(1), permit(hash), hash, "broker-a", end + 1),
        Some(ResultName::PermitExpired)
    );
    assert_eq!(
        outcome(&session(1), permit(hash), hash, "broker-a", NOW - CLOCK_SKEW_MS - 1),
        Some(ResultName::PermitExpired)
    );
}

#[test]
fn r22_a_changed_claim_is_refused() {
    let (_, hash) = header();
    let mut changed = permit(hash);
    changed.claims.person = Some(PersonCode([4; 17]));
    assert_eq!(outcome(&session(1), changed, hash, "broker-a", NOW), Some(ResultName::BadSignature));
}

mod series;
