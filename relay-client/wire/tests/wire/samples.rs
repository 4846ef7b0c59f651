//! Fixed values, one or more of every type that travels. All fictitious.

mod access;
mod act;
mod audits;
mod copies;
mod exchanges;
mod logs;
mod records;
mod registers;
mod reviews;
mod staff;
mod upkeep;

use chukei_wire::frame::{Outcome, SealHead, Status};
use chukei_wire::header::{Direction, Header, Hop, Kind, PersonCode};
use chukei_wire::id::{ChannelId, DeliveryId, HeaderHash, IdempotencyKey, NoticeId, RequestId};
use chukei_wire::leave::Leave;
use chukei_wire::limits::VERSION;
use chukei_wire::message::{binding::*, control::*, notice::*, self_info::*};
use chukei_wire::permit::{Permit, PermitClaims};
use chukei_wire::result::ResultName;
use serde_bytes::ByteBuf;

pub(crate) const TAX: &str = "TM00000000000002";

fn addressee() -> String {
    text("000009820160101")
}

fn text(value: &str) -> String {
    value.to_owned()
}

/// 2026-11-21T00:00:00Z as a UUIDv7.
pub(crate) fn request_id() -> RequestId {
    "019aa3d2c8007abc8123456789abcdef".parse().unwrap()
}

pub(crate) fn header() -> Header {
    Header {
        version: VERSION,
        kind: Kind::SelfInfo,
        direction: Direction::ToBody,
        request_id: request_id(),
        body: Some("982016".parse().unwrap()),
        portal: Some(text("mynaportal")),
        affair: Some(text("JM99000000001000")),
        datasets: vec![text(TAX), text("TM00000000000004")],
        channel: Some(ChannelId([0xc1; 16])),
        deadline_ms: 10_000,
        idempotency_key: Some(IdempotencyKey([0x1d; 32])),
        retry_of: Some(request_id()),
        authn_ref: Some(HeaderHash([0xaa; 32])),
    }
}

/// A consistent header of any kind, with nothing that the kind does not need.
pub(crate) fn header_of(kind: Kind) -> Header {
    let direction = match kind {
        Kind::SelfInfo | Kind::PersonRecords | Kind::ChannelSetup => Direction::ToBody,
        Kind::NoticeDelivery | Kind::NoticeStatus => Direction::ToPortal,
        _ => Direction::Hop,
    };
    let travels = direction != Direction::Hop;
    Header {
        kind,
        direction,
        body: travels.then(|| "010006".parse().unwrap()),
        portal: travels.then(|| text("p")),
        affair: None,
        datasets: if kind == Kind::SelfInfo { vec![text(TAX)] } else { Vec::new() },
        channel: (travels && kind != Kind::ChannelSetup).then_some(ChannelId([1; 16])),
        idempotency_key: None,
        retry_of: None,
        authn_ref: None,
        ..header()
    }
}

pub(crate) fn claims() -> PermitClaims {
    PermitClaims {
        header: HeaderHash([0x44; 32]),
        person: Some(PersonCode([0x11; 17])),
        previous: Some(PersonCode([0x12; 17])),
        legal_basis: text("番号法附則6条3項"),
        broker: text("broker-a"),
        issued_ms: 1_795_219_200_000,
        expires_ms: 1_795_219_230_000,
        epoch: [0x55; 16],
        number: 7,
    }
}

pub(crate) fn hops() -> Vec<Hop> {
    vec![
        Hop::default(),
        Hop { sender_code: Some(PersonCode([0x22; 17])), permit: None, leave: None },
        Hop { sender_code: None, permit: Some(Permit { claims: claims(), mac: [0x33; 32] }), leave: None },
    ]
}

pub(crate) fn leaves() -> Vec<Hop> {
    let body = Some("982016".parse().unwrap());
    let ticket = || Some("r8-0042".parse().unwrap());
    [Leave::of(body, None), Leave::of(None, ticket()), Leave::of(body, ticket())]
        .map(|leave| Hop { leave, ..Hop::default() })
        .to_vec()
}

pub(crate) fn statuses() -> Vec<Status> {
    [
        Outcome::Answered,
        Outcome::Refused(ResultName::NotFound),
        Outcome::RetryAfter(ResultName::Overloaded, 250),
        Outcome::ChannelUnknown,
    ]
    .map(|outcome| Status { header: HeaderHash([0x44; 32]), outcome })
    .to_vec()
}

pub(crate) fn seal_head() -> SealHead {
    SealHead { suite: 1, binding: 2, salt: [0x5a; 16] }
}

fn delegation() -> Delegation {
    let claims = DelegationClaims {
        body: "982016".parse().unwrap(),
        node: text("node-a"),
        epoch: 3,
        not_after_ms: 1_795_305_600_000,
    };
    Delegation { claims, signature: vec![0x66; 64] }
}

fn answer() -> SelfInfoAnswer {
    let item = AnswerItem {
        level: 1,
        info_item_code: text("TAX0000000000001"),
        item_name: text("課税年度"),
        record_key: text("20260001"),
        value: text("2026"),
        reason_of_null: None,
    };
    let null = AnswerItem { value: text(""), reason_of_null: Some(text("01")), level: 2, ..item.clone() };
    let dataset =
        AnswerDataset {
            info_name_code: text(TAX), info_name: text("地方税関係"), items: vec![item, null]
        };
    SelfInfoAnswer { result: ResultName::Done, leaf: Some(u64::from(u32::MAX)), datasets: vec![dataset] }
}

fn choices() -> Vec<Choice> {
    vec![Choice { id: text("a"), label: text("窓口") }, Choice { id: text("b"), label: text("郵送") }]
}

fn tags() -> Vec<BindingTag> {
    vec![BindingTag { version: 2, tag: [0x77; 32] }, BindingTag { version: 1, tag: [0x78; 32] }]
}

fn delivery() -> NoticeDelivery {
    NoticeDelivery {
        binding_tags: tags(),
        notice: NoticeId([0x10; 16]),
        delivery: DeliveryId([0x20; 16]),
        title: text("健診のご案内"),
        text: text("受付方法を選んでください。"),
        choices: choices(),
        publish_at_ms: 1_795_219_200_000,
        expiry_day: 20_808,
    }
}

fn states() -> NoticeStatusPage {
    let unread = DeliveryState { delivery: DeliveryId([0x20; 16]), read_at_ms: None, answers: Vec::new() };
    let answered = DeliveryState {
        delivery: DeliveryId([0x21; 16]),
        read_at_ms: Some(1_795_219_260_000),
        answers: vec![text("b")],
    };
    NoticeStatusPage { result: ResultName::Done, states: vec![unread, answered], more: true }
}

/// Something to do with every kind of message.
pub(crate) trait Visit {
    fn message<T>(&mut self, name: &str, value: &T)
    where
        T: serde::Serialize + serde::de::DeserializeOwned + PartialEq + std::fmt::Debug;
}

/// Shows a sample of every message.
pub(crate) fn visit(visitor: &mut impl Visit) {
    visitor.message("DelegationClaims", &delegation().claims);
    visitor.message("Announce", &Announce { delegations: vec![delegation()] });
    visitor.message("AcquireRequest", &AcquireRequest { parts: vec![ByteBuf::from(vec![1, 2, 3])] });
    visitor.message("AcquireReply", &AcquireReply { codes: vec![Some(PersonCode([0x11; 17])), None] });
    visitor.message("RenewRequest", &RenewRequest { codes: vec![PersonCode([0x11; 17])] });
    let renewed =
        RenewReply { current: 2, live: vec![1, 2], codes: vec![Some(PersonCode([0x12; 17])), None] };
    visitor.message("RenewReply", &renewed);
    let root = PermitRoot {
        epoch: [0x55; 16],
        first: 7,
        leaves: [[0x88; 32], [0x99; 32]].concat(),
        previous: [0xbb; 32],
        signature: [0x66; 64],
    };
    visitor.message("PermitRoot", &root);
    let wanted = WantedEpoch { epoch: [0x55; 16], covered: 6 };
    visitor.message("RootsWanted", &RootsWanted { epochs: vec![wanted] });
    visitor.message("TimeReply", &TimeReply { now_ms: 1_795_219_200_000 });
    copies::visit(visitor);
    logs::visit(visitor);
    exchanges::visit(visitor);
    let proof =
        DeviceProof { chain: vec![ByteBuf::from(vec![0x30, 0])], scheme: 0x0403, signature: vec![0x30, 6] };
    visitor.message("DeviceProof", &proof);
    access::factors(visitor);
    visitor.message("SetupFlight", &SetupFlight { flight: vec![0x16, 0x03, 0x03] });
    visitor.message("SelfInfoRequest", &SelfInfoRequest { binding_tags: tags() });
    visitor.message("SelfInfoAnswer", &answer());
    records::visit(visitor);
    visitor.message("NoticeDelivery", &delivery());
    let receipt = NoticeReceipt { result: ResultName::Registered, delivery: DeliveryId([0x20; 16]) };
    visitor.message("NoticeReceipt", &receipt);
    let after = Some(DeliveryId([0x20; 16]));
    visitor.message("NoticeStatusRequest", &NoticeStatusRequest { notice: NoticeId([0x10; 16]), after });
    visitor.message("NoticeStatusPage", &states());
    staff::visit(visitor);
    act::visit(visitor);
    audits::visit(visitor);
    access::visit(visitor);
    upkeep::visit(visitor);
    registers::visit(visitor);
    reviews::visit(visitor);
}
