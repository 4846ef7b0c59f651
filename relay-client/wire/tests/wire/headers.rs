//! Headers: consistent ones round trip, contradictory and oversized ones are refused on both sides.

use chukei_wire::codec::{CodecError, encode};
use chukei_wire::header::{Direction, Header, HeaderError, Hop, Kind};
use chukei_wire::id::{ChannelId, HeaderHash, IdempotencyKey, RequestId};
use chukei_wire::limits;
use proptest::prelude::*;

use crate::samples::{TAX, header, header_of};

#[test]
fn every_kind_has_a_consistent_header() {
    for &kind in Kind::ALL {
        let header = header_of(kind);
        let bytes = header.to_bytes().unwrap();
        assert_eq!(Header::from_bytes(&bytes).unwrap(), header, "{kind:?}");
        assert_eq!(encode(&kind), encode(&kind.as_str()), "one name in code and on the wire");
        assert_eq!(Header::hash(&bytes).0, chukei_crypto::hash::sha256(&bytes));
        use Kind::{AcquireCodes, Announce, Device, Factor, LogWitness, PermitRoots, RenewCodes, Time};
        let on_the_hop =
            matches!(kind, Announce | AcquireCodes | RenewCodes | PermitRoots | Time | LogWitness);
        let of_records = matches!(kind, Kind::ExchangeRecords | Kind::Undisclosed);
        let of_brokers = matches!(kind, Kind::LogHeads | Kind::RecordCopies);
        let no_calls = on_the_hop || of_records || of_brokers || matches!(kind, Device | Factor);
        assert_eq!(kind.is_staff_call(), header.direction == Direction::Hop && !no_calls);
    }
}

/// The writer refuses it, and so does the reader of a peer that wrote it all the same.
fn refused(change: impl FnOnce(&mut Header)) {
    let mut header = header();
    change(&mut header);
    assert_eq!(header.to_bytes(), Err(HeaderError::Field), "{header:?}");
    assert_eq!(Header::from_bytes(&encode(&header).unwrap()), Err(HeaderError::Field), "{header:?}");
}

#[test]
fn contradictions_are_refused() {
    refused(|h| h.direction = Direction::ToPortal);
    refused(|h| h.direction = Direction::Hop);
    refused(|h| h.kind = Kind::NoticeDelivery);
    refused(|h| h.kind = Kind::Announce);
    refused(|h| (h.kind, h.direction) = (Kind::ChannelSetup, Direction::Hop));
    refused(|h| h.body = None);
    refused(|h| h.portal = None);
    refused(|h| h.channel = None);
    refused(|h| h.datasets.clear());
}

#[test]
fn fields_outside_their_bounds_are_refused() {
    refused(|h| h.datasets.reverse());
    refused(|h| h.datasets.push(h.datasets[1].clone()));
    refused(|h| h.datasets = (0..17).map(|n| format!("TM{n:014}")).collect());
    refused(|h| h.datasets = vec!["TM0000000000002".to_owned()]);
    refused(|h| h.datasets = vec!["TM0000000000\n002".to_owned()]);
    refused(|h| h.affair = Some("JM99".to_owned()));
    refused(|h| h.affair = Some("JM99000000001 00".to_owned()));
    refused(|h| h.portal = Some(String::new()));
    refused(|h| h.portal = Some("../portal".to_owned()));
    refused(|h| h.portal = Some("a".repeat(65)));
    refused(|h| h.deadline_ms = 0);
    refused(|h| h.deadline_ms = limits::DEADLINE_MAX_MS + 1);
    refused(|h| h.request_id = RequestId([0; 16]));
}

#[test]
fn another_version_is_told_apart() {
    let other = Header { version: 2, ..header() };
    assert_eq!(other.to_bytes(), Err(HeaderError::Version(2)));
    assert_eq!(Header::from_bytes(&encode(&other).unwrap()), Err(HeaderError::Version(2)));
}

#[test]
fn oversized_parts_are_refused_unread() {
    let too_long = HeaderError::Codec(CodecError::TooLong);
    assert_eq!(Header::from_bytes(&[0xff; limits::HEADER_MAX + 1]), Err(too_long));
    assert_eq!(Hop::from_bytes(&[0xff; limits::HOP_MAX + 1]), Err(CodecError::TooLong));
}

#[test]
fn the_largest_permit_fits_the_hop_part() {
    let mut hop = crate::samples::hops().pop().unwrap();
    let claims = &mut hop.permit.as_mut().unwrap().claims;
    claims.legal_basis = "x".repeat(limits::LEGAL_BASIS_MAX);
    claims.broker = "b".repeat(64);
    (claims.issued_ms, claims.expires_ms, claims.number) = (u64::MAX, u64::MAX, u64::MAX);
    assert!(hop.to_bytes().unwrap().len() <= limits::HOP_MAX);
}

prop_compose! {
    fn any_header()(
        pick in 0..Kind::ALL.len(),
        to_portal in any::<bool>(),
        random in any::<[u8; 16]>(),
        key in prop::option::of(any::<[u8; 32]>()),
        authn in prop::option::of(any::<[u8; 32]>()),
        retry in any::<bool>(),
        affair in prop::option::of("JM[0-9]{14}"),
        mut datasets in prop::collection::btree_set("TM[0-9]{14}", 0..=limits::DATASETS_MAX),
        portal in "[a-z0-9][a-z0-9._-]{0,63}",
        deadline_ms in 1..=limits::DEADLINE_MAX_MS,
    ) -> Header {
        let kind = Kind::ALL[pick];
        let mut header = header_of(kind);
        if kind == Kind::ChannelSetup && to_portal {
            header.direction = Direction::ToPortal;
        }
        if kind == Kind::SelfInfo {
            datasets.insert(TAX.to_owned());
            while datasets.len() > limits::DATASETS_MAX {
                datasets.pop_last();
            }
        }
        if kind == Kind::PersonRecords {
            datasets.clear();
        }
        let mut id = random;
        id[6] = 0x70 | id[6] & 0x0f;
        id[8] = 0x80 | id[8] & 0x3f;
        header.request_id = RequestId(id);
        header.portal = header.portal.map(|_| portal);
        header.channel = header.channel.map(|_| ChannelId(random));
        header.datasets = datasets.into_iter().collect();
        header.retry_of = retry.then_some(RequestId(random));
        Header { affair, deadline_ms, idempotency_key: key.map(IdempotencyKey), authn_ref: authn.map(HeaderHash), ..header }
    }
}

proptest! {
    #[test]
    fn consistent_headers_round_trip_within_the_limit(header in any_header()) {
        let bytes = header.to_bytes().unwrap();
        prop_assert!(bytes.len() <= limits::HEADER_MAX);
        prop_assert_eq!(Header::from_bytes(&bytes).unwrap(), header);
    }
}
